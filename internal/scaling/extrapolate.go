package scaling

import (
	"fmt"
	"math"
	"strings"

	"dsconv/internal/stats"
)

// The model that the law is asked about: 7 billion parameters at the paper's 50
// tokens a parameter, with six operations a parameter and token.
const (
	farParams  = 7e9
	farTokens  = 50 * farParams
	farCompute = 6 * farParams * farTokens
)

// Extrapolation is the law read far beyond its points, or why it must not be.
type Extrapolation struct {
	Variant   string      `json:"variant"`
	Params    float64     `json:"params"`
	FLOPs     float64     `json:"flops"`
	Supported bool        `json:"supported"`
	Loss      float64     `json:"loss,omitempty"`
	Low       stats.Bound `json:"low,omitempty"`
	High      stats.Bound `json:"high,omitempty"`
	Reason    string      `json:"reason,omitempty"` // why it is not supported
	Statement string      `json:"statement"`
}

// Unsupported says that nothing can be said, and why.
func Unsupported(names, reason string) string {
	return fmt.Sprintf("The data cannot support a statement about %s at 7B: %s.", names, reason)
}

func extrapolate(r *Result, points []Point, names []string, d *draws, degrees int) []Extrapolation {
	out := []Extrapolation{}
	for v, name := range names {
		e := Extrapolation{Variant: name, Params: farParams, FLOPs: farCompute}
		if why := unsupported(r, points, name, degrees); len(why) > 0 {
			e.Reason = strings.Join(why, "; ")
			e.Statement = Unsupported(name, e.Reason)
		} else {
			e.Supported = true
			e.Loss = r.Fits[v].Loss(farCompute)
			low, high := spread(math.Log(e.Loss), d.far[v], degrees)
			e.Low, e.High = stats.Bound(exp(low)), stats.Bound(exp(high))
			e.Statement = fmt.Sprintf("If the law holds, %s at 7B and 50 tokens a parameter ends at %.3f (%.3f to %.3f).", name, e.Loss, e.Low, e.High)
		}
		out = append(out, e)
	}
	return out
}

// unsupported lists why the law of a variant says nothing about farCompute.
func unsupported(r *Result, points []Point, name string, degrees int) (why []string) {
	if r.Compute != "flops" {
		return []string{"compute is seconds of one machine"}
	}
	mine := of(points, name)
	if n := len(sizes(mine)); n < enoughSizes {
		why = append(why, fmt.Sprintf("%d sizes, %d are needed", n, enoughSizes))
	}
	span, largest := decades(mine), 0.0
	for _, p := range mine {
		largest = max(largest, p.Compute)
	}
	if span < enoughDecades {
		why = append(why, fmt.Sprintf("%.2g decades of compute, %.2g are needed", span, enoughDecades))
	}
	if gap := math.Log10(farCompute / largest); gap > span {
		why = append(why, fmt.Sprintf("7B lies %.2g decades beyond the largest run, further than the %.2g decades that the runs span", gap, span))
	}
	for _, w := range r.Warnings {
		if w.Code.Rejects() && (w.Variant == "" || w.Variant == name) {
			why = append(why, w.Message)
		}
	}
	if degrees < 1 {
		why = append(why, "no more points than unknowns")
	}
	return why
}
