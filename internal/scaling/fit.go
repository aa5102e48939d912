package scaling

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"dsconv/internal/stats"
)

// Options of a fit.
type Options struct {
	Base      string // the variant that the others are compared with
	Resamples int    // bootstrap draws; 0: 1000
	Seed      uint64 // of the draws
	Seconds   bool   // compute is measured seconds, not counted FLOPs
}

// Result is a fit, and how far to trust it.
type Result struct {
	Base          string          `json:"base"`
	Form          string          `json:"form"`
	Compute       string          `json:"compute"` // flops or seconds
	Points        int             `json:"points"`
	Decades       float64         `json:"decades"` // of compute
	Fits          []Curve         `json:"fits"`
	Advantages    []Advantage     `json:"advantages"`
	Grids         []Grid          `json:"grids,omitempty"`
	Extrapolation []Extrapolation `json:"extrapolation"`
	Warnings      []Warning       `json:"warnings"`
}

// Curve is one variant's law.
type Curve struct {
	Variant string `json:"variant"`
	Law
	Sizes  int `json:"sizes"`
	Seeds  int `json:"seeds"`
	Points int `json:"points"`
}

// Advantage is how many times less compute a variant needs than base for the same
// loss, with a 95 % interval.
type Advantage struct {
	Variant   string      `json:"variant"`
	Advantage float64     `json:"advantage"`
	Low       stats.Bound `json:"low"`
	High      stats.Bound `json:"high"`
	Runs      int         `json:"runs"`
	Seeds     int         `json:"seeds"`
}

// Form is the law that all variants share.
const Form = "L(C) = E + A (k C)^-a; variants share E, A and a, and k, their compute advantage, is 1 for base"

// Fit fits the law to points of all variants at once.
func Fit(points []Point, opt Options) (*Result, error) {
	names := variants(points, opt.Base)
	base := of(points, opt.Base)
	switch {
	case len(points) == 0:
		return nil, fmt.Errorf("fit: there are no points")
	case len(base) == 0:
		return nil, fmt.Errorf("fit: no point has the variant %q; --base names one of %s", opt.Base, strings.Join(names[1:], ", "))
	case len(sizes(base)) < 2:
		return nil, fmt.Errorf("fit: all points of %q have one size; a law over compute needs at least two", opt.Base)
	}
	points = slices.Clone(points)
	s := newShared(points, names)
	losses := make([]float64, len(points))
	for i, p := range points {
		losses[i] = p.Loss
	}
	theta, o := fit(s, logLosses(points), s.starts(losses))
	r := &Result{
		Base: opt.Base, Form: Form, Compute: "flops", Points: len(points), Decades: decades(points),
		Advantages: []Advantage{}, Extrapolation: []Extrapolation{}, Warnings: []Warning{},
	}
	if opt.Seconds {
		r.Compute = "seconds"
	}
	for v, name := range names {
		mine := of(points, name)
		r.Fits = append(r.Fits, Curve{Variant: name, Law: s.law(theta, v), Sizes: len(sizes(mine)), Seeds: seeds(mine), Points: len(mine)})
	}
	r.Warnings = append(r.Warnings, doubtPoints(points, names)...)
	r.Warnings = append(r.Warnings, doubtLaw(r.Fits[0].Law, s.lowest)...)
	r.Warnings = append(r.Warnings, doubtFit(points, names, o.residuals(theta), s.unknowns())...)
	bs := blocks(points, names)
	r.Warnings = append(r.Warnings, doubtDrift(s, names, o.residuals(theta), bs)...)

	d := draw(s, o, theta, bs, opt)
	// An advantage is a mean of differences within blocks, so there are no more
	// degrees of freedom than blocks, however many variants there are.
	degrees := min(len(points)-s.unknowns(), len(bs)-1)
	for v, name := range names[1:] {
		mine := of(points, name)
		k := theta[3+v]
		low, high := spread(k, d.k[v], degrees)
		r.Advantages = append(r.Advantages, Advantage{
			Variant: name, Advantage: exp(k), Runs: len(mine), Seeds: seeds(mine),
			Low: stats.Bound(exp(low)), High: stats.Bound(exp(high)),
		})
		if high-low > math.Abs(k) {
			r.Warnings = append(r.Warnings, Warning{Wide, name, "the interval is wider than the advantage is far from 1"})
		}
	}
	for _, name := range names {
		mine := of(points, name)
		if isGrid(mine) {
			r.Grids = append(r.Grids, fitGrid(mine, name))
		} else {
			r.Warnings = append(r.Warnings, Warning{NoGrid, name, "L(N,T) was not fitted: parameters and tokens do not vary apart from each other"})
		}
	}
	r.Extrapolation = extrapolate(r, points, names, d, degrees)
	return r, nil
}

// draws collects what the bootstrap saw, by variant.
type draws struct {
	k   [][]float64 // log advantage of each variant but base
	far [][]float64 // log loss at the extrapolation's compute
}

func draw(s *shared, o *objective, theta []float64, bs []block, opt Options) *draws {
	d := &draws{k: make([][]float64, s.n-1), far: make([][]float64, s.n)}
	x := math.Log(farCompute) - s.centre
	bootstrap(s, o, theta, bs, cmp.Or(opt.Resamples, 1000), opt.Seed, func(th []float64) {
		for v := range d.k {
			d.k[v] = append(d.k[v], th[3+v])
		}
		for v := range d.far {
			loss, _, _, _ := s.value(th, x, v)
			d.far[v] = append(d.far[v], math.Log(loss))
		}
	})
	return d
}
