package report

import (
	"dsconv/internal/config"
	"math"
)

// made is a made-up finished run. values are its accuracy, loss, the step at which
// it has learned (0: never) and its speed.
type made struct {
	sweep, variant, size string
	seed                 int64
	accuracy, loss       float64
	learned              int
	speed                float64
	params               float64
}

const madeSteps = 100

func (m made) run() *Run {
	c := config.Default()
	c.Task.Kind = "varkey"
	if m.loss > 0 {
		c.Task.Kind = "language"
	}
	c.Train.Steps = madeSteps
	c.Seed = m.seed
	r := &Run{Dir: "runs/x/" + m.sweep + "-" + m.variant, Sweep: m.sweep, Variant: m.variant, Seed: m.seed, Config: c, Params: m.params, Axes: map[string]string{}}
	if m.size != "" {
		r.Axes["size"] = m.size
	}
	if r.Params == 0 {
		r.Params = 1e5
	}
	r.FLOPs = 6 * r.Params * 50 * r.Params
	nan := math.NaN()
	for step := 1; step <= madeSteps; step++ {
		s := Sample{
			Step: step, Tokens: float64(step) * 8192, Loss: m.loss + 3/float64(step), GradNorm: 1 / float64(step), ConvGradNorm: 0.2 / float64(step),
			EvalLoss: nan, EvalAccuracy: nan, Oracle: nan, TokensPerSecond: m.speed, Seconds: float64(step),
		}
		s.Accuracy = 0.2
		if m.learned > 0 && step >= m.learned-stepsWindow+1 {
			s.Accuracy = 0.95
		}
		if step == madeSteps {
			s.EvalLoss, s.EvalAccuracy = m.loss, m.accuracy
		}
		r.Curve = append(r.Curve, s)
	}
	return r
}

// many makes a run of each seed, from 1, with the accuracies given.
func accuracies(sweep, variant string, values ...float64) (out []*Run) {
	for i, v := range values {
		out = append(out, made{sweep: sweep, variant: variant, seed: int64(i + 1), accuracy: v}.run())
	}
	return out
}

// steps makes runs that have learned at the steps given.
func steps(sweep, variant string, values ...int) (out []*Run) {
	for i, v := range values {
		out = append(out, made{sweep: sweep, variant: variant, seed: int64(i + 1), accuracy: 1, learned: v}.run())
	}
	return out
}

// floored are runs on data whose generator has the loss given.
func floored(oracle float64, runs ...[]*Run) []*Run {
	all := join(runs...)
	for _, r := range all {
		r.Curve[len(r.Curve)-1].Oracle = oracle
	}
	return all
}

// losses makes a run of each seed with the losses given, of one size.
func losses(sweep, variant, size string, values ...float64) (out []*Run) {
	for i, v := range values {
		out = append(out, made{sweep: sweep, variant: variant, size: size, seed: int64(i + 1), loss: v, speed: 1000}.run())
	}
	return out
}
