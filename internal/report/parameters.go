package report

import (
	"fmt"
	"math"

	"dsconv/internal/arch"
	"dsconv/internal/config"
)

// judgeParameters counts the parameters that the convolution adds to the claim's
// shape, in percent, and wants the paper's number to its last digit. No run is
// needed.
func judgeParameters(c Claim, _ evidence) Row {
	conf := config.Default()
	conf.Model = *c.Model
	conf.Conv = config.Conv{Kind: "none"}
	plain := arch.SpecOf(conf).Count().Total
	conf.Conv = *c.Conv
	with := arch.SpecOf(conf).Count()
	percent := 100 * float64(with.Conv) / float64(plain)
	r := Row{
		Claim: c, Sizes: Count(float64(plain)) + " parameters",
		Ours: fmt.Sprintf("%.3f %%: %s of %s", percent, Count(float64(with.Conv)), Count(float64(plain))),
	}
	if math.Abs(percent-c.Value) <= 0.005 {
		r.Verdict, r.Why = Reproduced, "counted exactly; no training is involved"
	} else {
		r.Verdict, r.Why = NotReproduced, fmt.Sprintf("counted %.3f %%, the paper has %g %%", percent, c.Value)
	}
	return r
}
