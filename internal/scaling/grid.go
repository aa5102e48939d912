package scaling

import (
	"math"

	"gonum.org/v1/gonum/stat"
)

// Grid is the law L(N,T) = E + A/N^a + B/T^b of one variant, N its parameters and T
// its training tokens (Hoffmann et al. 2022, approach 3).
type Grid struct {
	Variant string  `json:"variant"`
	E       float64 `json:"E"`
	A       float64 `json:"A"`
	ExpN    float64 `json:"a"`
	B       float64 `json:"B"`
	ExpT    float64 `json:"b"`
}

// Loss is the law's loss.
func (g Grid) Loss(params, tokens float64) float64 {
	return g.E + g.A*math.Pow(params, -g.ExpN) + g.B*math.Pow(tokens, -g.ExpT)
}

// gridLaw has the unknowns E within (0, the lowest loss), log A and log B at the
// mean logs, and both exponents within their bounds.
type gridLaw struct {
	n, t             []float64 // log parameters and log tokens less their means
	centreN, centreT float64
	lowest           float64
}

func newGridLaw(points []Point) *gridLaw {
	g := &gridLaw{lowest: math.Inf(1)}
	for _, p := range points {
		g.centreN += math.Log(p.Params) / float64(len(points))
		g.centreT += math.Log(p.Tokens) / float64(len(points))
		g.lowest = min(g.lowest, p.Loss)
	}
	for _, p := range points {
		g.n = append(g.n, math.Log(p.Params)-g.centreN)
		g.t = append(g.t, math.Log(p.Tokens)-g.centreT)
	}
	return g
}

func (g *gridLaw) unknowns() int { return 5 }

func (g *gridLaw) at(theta []float64, i int, grad []float64) float64 {
	e, slopeE := between(theta[0], 0, g.lowest)
	a, slopeA := between(theta[2], minExponent, maxExponent)
	b, slopeB := between(theta[4], minExponent, maxExponent)
	byN := exp(theta[1] - a*g.n[i])
	byT := exp(theta[3] - b*g.t[i])
	loss := e + byN + byT
	if grad != nil {
		grad[0] = slopeE / loss
		grad[1] = byN / loss
		grad[2] = -byN / loss * g.n[i] * slopeA
		grad[3] = byT / loss
		grad[4] = -byT / loss * g.t[i] * slopeB
	}
	return math.Log(loss)
}

func (g *gridLaw) starts() [][]float64 {
	var out [][]float64
	for _, share := range []float64{0.1, 0.5, 0.8, 0.95} {
		for _, a := range []float64{0.1, 0.3, 0.7} {
			for _, b := range []float64{0.1, 0.3, 0.7} {
				rest := math.Log(g.lowest * (1.05 - share) / 2)
				out = append(out, []float64{unbetween(share, 0, 1), rest, unbetween(a, minExponent, maxExponent), rest, unbetween(b, minExponent, maxExponent)})
			}
		}
	}
	return out
}

// gridMin is the fewest different parameter counts, and token counts, of a grid.
const gridMin = 3

// isGrid says whether parameters and tokens vary apart from each other, so that
// their two terms can be told apart. A ladder with a fixed number of tokens a
// parameter is a line, not a grid.
func isGrid(points []Point) bool {
	ns, ts := map[float64]bool{}, map[float64]bool{}
	var n, t []float64
	for _, p := range points {
		ns[p.Params], ts[p.Tokens] = true, true
		n, t = append(n, math.Log(p.Params)), append(t, math.Log(p.Tokens))
	}
	if len(ns) < gridMin || len(ts) < gridMin {
		return false
	}
	return math.Abs(stat.Correlation(n, t, nil)) < 0.98
}

// fitGrid fits one variant's points.
func fitGrid(points []Point, variant string) Grid {
	g := newGridLaw(points)
	theta, _ := fit(g, logLosses(points), g.starts())
	e, _ := between(theta[0], 0, g.lowest)
	a, _ := between(theta[2], minExponent, maxExponent)
	b, _ := between(theta[4], minExponent, maxExponent)
	return Grid{
		Variant: variant, E: e,
		A: exp(theta[1] + a*g.centreN), ExpN: a,
		B: exp(theta[3] + b*g.centreT), ExpT: b,
	}
}

func logLosses(points []Point) []float64 {
	out := make([]float64, len(points))
	for i, p := range points {
		out[i] = math.Log(p.Loss)
	}
	return out
}
