package scaling

import (
	"math"

	"gonum.org/v1/gonum/optimize"

	"dsconv/internal/stats"
)

// law is a curve whose logarithm is compared with the logarithm of losses. It
// writes the derivatives of point i's log loss by the unknowns into grad, and
// returns the log loss.
type law interface {
	unknowns() int
	at(theta []float64, i int, grad []float64) float64
}

// huberFloor is the delta of Hoffmann et al. (2022), who fit losses that hardly
// vary over seeds.
const huberFloor = 1e-3

// huberSigmas makes Huber's estimate 95 % efficient on normal residuals (Huber 1964).
const huberSigmas = 1.345

// huber is Huber's loss and its derivative.
func huber(r, delta float64) (value, slope float64) {
	if a := math.Abs(r); a > delta {
		return delta * (a - delta/2), math.Copysign(delta, r)
	}
	return r * r / 2, r
}

// objective is the sum of Huber losses of the residuals log y[i] - law.
type objective struct {
	law   law
	logy  []float64
	delta float64
	grad  []float64 // of one point
}

func (o *objective) value(theta []float64) float64 {
	sum := 0.0
	for i, y := range o.logy {
		v, _ := huber(o.law.at(theta, i, nil)-y, o.delta)
		sum += v
	}
	return sum / (o.delta * o.delta) // near 1 a point, whatever the scale of the noise
}

func (o *objective) slope(grad, theta []float64) {
	clear(grad)
	for i, y := range o.logy {
		_, s := huber(o.law.at(theta, i, o.grad)-y, o.delta)
		for j, g := range o.grad {
			grad[j] += s * g / (o.delta * o.delta)
		}
	}
}

// descend goes downhill from start (BFGS). It returns where it ended, which is
// start itself when there is no way down.
func (o *objective) descend(start []float64) (theta []float64, value float64) {
	o.grad = make([]float64, o.law.unknowns())
	problem := optimize.Problem{Func: o.value, Grad: o.slope}
	settings := &optimize.Settings{
		MajorIterations:   300,
		GradientThreshold: 1e-7,
		Converger:         &optimize.FunctionConverge{Absolute: 1e-10, Relative: 1e-12, Iterations: 8},
	}
	// A line search that finds no progress is reported as an error although the
	// best point is at hand, so the result counts and the error does not.
	result, _ := optimize.Minimize(problem, start, settings, &optimize.BFGS{})
	if result == nil || math.IsNaN(result.F) {
		return start, o.value(start)
	}
	return result.X, result.F
}

// best descends from every start and keeps the lowest end.
func (o *objective) best(starts [][]float64) []float64 {
	var theta []float64
	lowest := math.Inf(1)
	for _, s := range starts {
		if t, v := o.descend(s); v < lowest {
			theta, lowest = t, v
		}
	}
	if theta == nil {
		return starts[0]
	}
	return theta
}

// residuals are log y - law at theta.
func (o *objective) residuals(theta []float64) []float64 {
	r := make([]float64, len(o.logy))
	for i, y := range o.logy {
		r[i] = y - o.law.at(theta, i, nil)
	}
	return r
}

// fit finds the unknowns from many starts: once with a wide Huber delta, and again
// with one that suits the noise that is left, but never below Hoffmann's.
func fit(l law, logy []float64, starts [][]float64) (theta []float64, o *objective) {
	o = &objective{law: l, logy: logy, delta: 0.02}
	theta = o.best(starts)
	abs := o.residuals(theta)
	for i := range abs {
		abs[i] = math.Abs(abs[i])
	}
	sigma := 1.4826 * stats.Median(abs) // the median absolute deviation of normal noise
	o.delta = max(huberFloor, huberSigmas*sigma)
	theta, _ = o.descend(theta)
	return theta, o
}

// between maps the real line to (lo, hi), and gives the derivative.
func between(x, lo, hi float64) (v, slope float64) {
	s := 1 / (1 + math.Exp(-x))
	return lo + (hi-lo)*s, (hi - lo) * s * (1 - s)
}

// unbetween is the inverse of between.
func unbetween(v, lo, hi float64) float64 {
	s := (v - lo) / (hi - lo)
	return math.Log(s / (1 - s))
}

// exp is the exponential within the range of numbers: what the points do not limit
// may run away, and is told by its interval and its warnings.
func exp(x float64) float64 { return math.Exp(min(max(x, -700), 700)) }
