package scaling

import (
	"cmp"
	"math"
	"slices"
)

// Point is one finished run.
type Point struct {
	Variant string  `json:"variant"`
	Params  float64 `json:"params"`
	Tokens  float64 `json:"tokens"` // trained on
	Compute float64 `json:"compute"`
	Loss    float64 `json:"loss"` // validation, nats a token
	Seed    int64   `json:"seed"`
}

// size names a point's place on the ladder: runs that differ only in seed share it.
type size struct{ params, tokens float64 }

func (p Point) size() size { return size{p.Params, p.Tokens} }

// variants lists the variants in order of appearance, base first.
func variants(points []Point, base string) []string {
	names := []string{base}
	for _, p := range points {
		if !slices.Contains(names, p.Variant) {
			names = append(names, p.Variant)
		}
	}
	return names
}

// of returns the points of one variant.
func of(points []Point, variant string) []Point {
	var out []Point
	for _, p := range points {
		if p.Variant == variant {
			out = append(out, p)
		}
	}
	return out
}

// sizes lists the sizes of one variant's points by the compute they took.
func sizes(points []Point) []size {
	compute := map[size]float64{}
	for _, p := range points {
		compute[p.size()] = max(compute[p.size()], p.Compute)
	}
	var out []size
	for s := range compute {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b size) int {
		return cmp.Or(cmp.Compare(compute[a], compute[b]), cmp.Compare(a.params, b.params), cmp.Compare(a.tokens, b.tokens))
	})
	return out
}

// seeds counts the different seeds of points.
func seeds(points []Point) int {
	seen := map[int64]bool{}
	for _, p := range points {
		seen[p.Seed] = true
	}
	return len(seen)
}

// decades is the span of compute in powers of ten.
func decades(points []Point) float64 {
	lo, hi := math.Inf(1), 0.0
	for _, p := range points {
		lo, hi = min(lo, p.Compute), max(hi, p.Compute)
	}
	if len(points) == 0 {
		return 0
	}
	return math.Log10(hi) - math.Log10(lo)
}
