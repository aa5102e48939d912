package scaling

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Code names a kind of doubt, for programs.
type Code string

// The doubts that a fit may have about its own numbers.
const (
	FewSizes      Code = "few_sizes"
	FewSeeds      Code = "few_seeds"
	ShortSpan     Code = "short_span"
	ExponentBound Code = "exponent_at_bound"
	LossBound     Code = "irreducible_loss_at_bound"
	Apart         Code = "losses_do_not_overlap"
	Wide          Code = "interval_wider_than_effect"
	Drift         Code = "advantage_changes_with_compute"
	Misfit        Code = "law_does_not_fit"
	NoGrid        Code = "no_grid"
)

// Rejects says that with such a doubt the law does not describe the points, or they do not
// fix it, so that no number read off it says anything. The other doubts say how much.
func (c Code) Rejects() bool {
	return slices.Contains([]Code{ExponentBound, LossBound, Apart, Drift, Misfit}, c)
}

// Warning is a reason to doubt a number.
type Warning struct {
	Code    Code   `json:"code"`
	Variant string `json:"variant,omitempty"` // empty: all
	Message string `json:"message"`
}

// Doubts are warnings in words, those that say the same of several variants once.
func Doubts(warnings []Warning) []string {
	type kind struct {
		code    Code
		message string
	}
	var order []kind
	of := map[kind][]string{}
	for _, w := range warnings {
		k := kind{w.Code, w.Message}
		if _, seen := of[k]; !seen {
			order = append(order, k)
		}
		of[k] = append(of[k], w.Variant)
	}
	var out []string
	for _, k := range order {
		if names := strings.Join(of[k], ", "); names != "" {
			out = append(out, names+": "+k.message)
		} else {
			out = append(out, k.message)
		}
	}
	return out
}

// What a fit needs before it is believed.
const (
	enoughSizes   = 5   // three unknowns of a curve, and two sizes that could contradict it
	enoughDecades = 1.5 // of compute
)

// doubtPoints looks at the points alone.
func doubtPoints(points []Point, names []string) (w []Warning) {
	for _, name := range names {
		mine := of(points, name)
		if n := len(sizes(mine)); n < enoughSizes {
			w = append(w, Warning{FewSizes, name, fmt.Sprintf("%d sizes; a curve with three unknowns needs %d to be contradicted by any", n, enoughSizes)})
		}
		if n := seeds(mine); n < 2 {
			w = append(w, Warning{FewSeeds, name, "one seed; the spread over seeds is unknown"})
		}
	}
	if d := decades(points); d < enoughDecades {
		w = append(w, Warning{ShortSpan, "", fmt.Sprintf("compute spans %.2g decades; below %.2g an exponent and an irreducible loss can hardly be told apart", d, enoughDecades)})
	}
	base := of(points, names[0])
	for _, name := range names[1:] {
		if lo, hi := lossRange(of(points, name)); !overlap(lo, hi, base) {
			w = append(w, Warning{Apart, name, fmt.Sprintf("no loss lies within the losses of %s: the advantage is read off the law beyond the points", names[0])})
		}
	}
	return w
}

func lossRange(points []Point) (lo, hi float64) {
	lo, hi = math.Inf(1), 0
	for _, p := range points {
		lo, hi = min(lo, p.Loss), max(hi, p.Loss)
	}
	return lo, hi
}

func overlap(lo, hi float64, points []Point) bool {
	l, h := lossRange(points)
	return lo <= h && l <= hi
}

// doubtLaw looks at the fitted law.
func doubtLaw(l Law, lowest float64) (w []Warning) {
	if l.B > 0.95*maxExponent || l.B < 2*minExponent {
		w = append(w, Warning{ExponentBound, "", fmt.Sprintf("the exponent %.3g lies at the end of what is allowed (%g to %g): the points do not bend enough to fix it", l.B, float64(minExponent), float64(maxExponent))})
	}
	if share := l.E / lowest; share < 0.02 || share > 0.995 {
		w = append(w, Warning{LossBound, "", fmt.Sprintf("the irreducible loss %.3g lies at the end of what is allowed (0 to the lowest loss, %.4g): the points do not fix it", l.E, lowest)})
	}
	return w
}

// doubtFit says whether the sizes scatter around the law more than seeds explain
// (the F test for lack of fit at 1 %), which no interval here knows of.
func doubtFit(points []Point, names []string, residuals []float64, unknowns int) []Warning {
	type cell struct {
		variant string
		size    size
	}
	cells := map[cell][]float64{}
	var order []cell
	for i, p := range points {
		c := cell{p.Variant, p.size()}
		if cells[c] == nil {
			order = append(order, c)
		}
		cells[c] = append(cells[c], residuals[i])
	}
	within, between, spare := 0.0, 0.0, 0
	for _, c := range order {
		rs, mean := cells[c], 0.0
		for _, r := range rs {
			mean += r / float64(len(rs))
		}
		for _, r := range rs {
			within += (r - mean) * (r - mean)
		}
		between += float64(len(rs)) * mean * mean
		spare += len(rs) - 1
	}
	free := len(order) - unknowns
	if spare < 2 || free < 1 || within == 0 {
		return nil
	}
	f := between / float64(free) / (within / float64(spare))
	if p := (distuv.F{D1: float64(free), D2: float64(spare)}).Survival(f); p > 0.01 {
		return nil
	}
	return []Warning{{Misfit, "", "losses lie further from the law than seeds explain: another learning rate or length at some size, or the wrong law; the intervals do not include this"}}
}

// doubtDrift says whether a variant gains or loses on base as compute grows, which one
// number cannot say: whether the differences of their residuals, within blocks, lean over
// log compute (Student's t of the slope at 1 %).
func doubtDrift(s *shared, names []string, residuals []float64, bs []block) (w []Warning) {
	for v, name := range names {
		if v == 0 {
			continue
		}
		var xs, ds []float64
		for _, b := range bs {
			if b[0] >= 0 && b[v] >= 0 {
				xs, ds = append(xs, s.x[b[0]]), append(ds, residuals[b[v]]-residuals[b[0]])
			}
		}
		slope, p := lean(xs, ds)
		if p > 0.01 {
			continue
		}
		way := "grows"
		if slope > 0 {
			way = "shrinks"
		}
		w = append(w, Warning{Drift, name, fmt.Sprintf("the advantage %s with compute: one number does not describe it", way)})
	}
	return w
}

// lean is the slope of ys over xs, and the chance of one as steep where there is none. It
// is 1 where there are too few points to tell.
func lean(xs, ys []float64) (slope, p float64) {
	n := float64(len(xs))
	if n < 3 {
		return 0, 1
	}
	offset, slope := stat.LinearRegression(xs, ys, nil, false)
	rest := 0.0
	for i, x := range xs {
		r := ys[i] - offset - slope*x
		rest += r * r
	}
	spread := stat.Variance(xs, nil) * (n - 1)
	if spread == 0 || rest < 1e-24 { // one size, or points that lie on the law
		return slope, 1
	}
	t := slope / math.Sqrt(rest/(n-2)/spread)
	return slope, 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 2}.Survival(math.Abs(t))
}
