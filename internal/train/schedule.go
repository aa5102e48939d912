package train

import (
	"math"

	"dsconv/internal/config"
)

// LearningRate is the rate of step i (from 0) of a run of n: a linear warm-up
// over the first optim.warmup of the steps, then half a cosine down to
// optim.min_lr times the peak (the paper: 10 % warm-up, cosine to 0).
func LearningRate(o config.Optim, i, n int) float64 {
	warm := int(math.Round(o.Warmup * float64(n)))
	if i < warm {
		return o.LR * float64(i+1) / float64(warm)
	}
	x := float64(i-warm) / float64(max(1, n-warm))
	return o.LR * (o.MinLR + (1-o.MinLR)*0.5*(1+math.Cos(math.Pi*x)))
}
