package scaling

import "math"

// The exponents that a fit may take. Published ones lie between 0.03 and 0.6.
const (
	minExponent = 0.005
	maxExponent = 2
)

// shared is the law L_v(C) = E + A (k_v C)^-a of all variants at once. The variants
// share the irreducible loss E, the scale A and the exponent a; a variant differs
// from base by one number, k_v, which is its compute advantage: it reaches with
// compute C what base reaches with k_v C. One number is what the paper states,
// and few sizes cannot tell more.
//
// The unknowns are: E within (0, the lowest loss), log A at the mean log compute,
// a within its bounds, and log k_v of each variant but base.
type shared struct {
	x      []float64 // log compute less its mean
	of     []int     // variant of each point; 0 is base
	n      int       // variants
	centre float64   // mean log compute
	lowest float64   // lowest loss
}

func newShared(points []Point, names []string) *shared {
	s := &shared{n: len(names), lowest: math.Inf(1)}
	index := map[string]int{}
	for i, name := range names {
		index[name] = i
	}
	for _, p := range points {
		s.centre += math.Log(p.Compute) / float64(len(points))
		s.lowest = min(s.lowest, p.Loss)
	}
	for _, p := range points {
		s.x = append(s.x, math.Log(p.Compute)-s.centre)
		s.of = append(s.of, index[p.Variant])
	}
	return s
}

func (s *shared) unknowns() int { return 2 + s.n }

// value is the loss of variant v at log compute x less the centre.
func (s *shared) value(theta []float64, x float64, v int) (loss, reducible, a, k float64) {
	a, _ = between(theta[2], minExponent, maxExponent)
	if v > 0 {
		k = theta[2+v]
	}
	e, _ := between(theta[0], 0, s.lowest)
	reducible = exp(theta[1] - a*(x+k))
	return e + reducible, reducible, a, k
}

func (s *shared) at(theta []float64, i int, grad []float64) float64 {
	loss, reducible, a, k := s.value(theta, s.x[i], s.of[i])
	if grad != nil {
		clear(grad)
		_, slopeE := between(theta[0], 0, s.lowest)
		_, slopeA := between(theta[2], minExponent, maxExponent)
		share := reducible / loss
		grad[0] = slopeE / loss
		grad[1] = share
		grad[2] = -share * (s.x[i] + k) * slopeA
		if v := s.of[i]; v > 0 {
			grad[2+v] = -share * a
		}
	}
	return math.Log(loss)
}

// starts spans irreducible losses and exponents; each start's scale and advantages
// meet the points in the mean.
func (s *shared) starts(losses []float64) [][]float64 {
	var out [][]float64
	for _, share := range []float64{0.05, 0.4, 0.7, 0.85, 0.95, 0.99} {
		for _, a := range []float64{0.03, 0.1, 0.25, 0.5, 1} {
			theta := make([]float64, s.unknowns())
			theta[0] = unbetween(share, 0, 1)
			theta[2] = unbetween(a, minExponent, maxExponent)
			sum, count := make([]float64, s.n), make([]float64, s.n)
			for i, l := range losses {
				sum[s.of[i]] += math.Log(max(l-share*s.lowest, 1e-3*l)) + a*s.x[i]
				count[s.of[i]]++
			}
			theta[1] = sum[0] / count[0]
			for v := 1; v < s.n; v++ {
				theta[2+v] = (theta[1] - sum[v]/count[v]) / a
			}
			out = append(out, theta)
		}
	}
	return out
}

// Law is L(C) = E + A C^-a.
type Law struct {
	E float64 `json:"E"`
	A float64 `json:"A"` // with C in FLOPs or seconds
	B float64 `json:"a"` // the exponent
}

// Loss is the law's loss at compute c.
func (l Law) Loss(c float64) float64 { return l.E + l.A*math.Pow(c, -l.B) }

// law is variant v's curve.
func (s *shared) law(theta []float64, v int) Law {
	_, _, a, k := s.value(theta, 0, v)
	e, _ := between(theta[0], 0, s.lowest)
	return Law{E: e, A: exp(theta[1] - a*(k-s.centre)), B: a}
}
