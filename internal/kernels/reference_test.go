package kernels

import (
	"math"
	"math/rand/v2"
	"testing"
)

// float64s is a dense copy of rows x cols values of v.
func (v View) float64s(rows, cols int) []float64 {
	out := make([]float64, 0, rows*cols)
	for i := range rows {
		for _, x := range v.Row(i, cols) {
			out = append(out, float64(x))
		}
	}
	return out
}

// checkClose compares rows x cols values of got with want: the norm of the error
// may be bound times the norm of want, or bound times floor a value.
func checkClose(t *testing.T, what string, got View, rows, cols int, want []float64, bound, floor float64) {
	t.Helper()
	var err, norm float64
	for i, x := range got.float64s(rows, cols) {
		err += (x - want[i]) * (x - want[i])
		norm += want[i] * want[i]
	}
	err, norm = math.Sqrt(err), math.Sqrt(norm)
	if limit := bound * max(norm, floor*math.Sqrt(float64(rows*cols))); !(err <= limit) {
		t.Fatalf("%s: error %.3g, want at most %.3g (norm %.3g)", what, err, limit, norm)
	}
}

// checkGuards fails when a kernel wrote beside the rows x cols values of a view
// that starts before values into whole.
func checkGuards(t *testing.T, what string, whole []float32, before, stride, rows, cols int) {
	t.Helper()
	for i, x := range whole {
		at := i - before
		inside := at >= 0 && at/stride < rows && at%stride < cols
		if !inside && x != guard {
			t.Fatalf("%s: wrote outside at value %d (row %d, column %d)", what, i, at/stride, at%stride)
		}
	}
}

// sameBits fails when two results differ in any bit.
func sameBits(t *testing.T, what string, a, b []float32) {
	t.Helper()
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			t.Fatalf("%s: value %d is %v, was %v with one thread", what, i, b[i], a[i])
		}
	}
}

// threadCounts are the numbers of threads that must give the same bits.
var threadCounts = []int{1, 2, 3, 5}

// checkGradient compares grad with central differences of f, which reads x.
func checkGradient(t *testing.T, what string, x, grad []float64, f func() float64) {
	t.Helper()
	const h = 1e-5
	for i := range x {
		was := x[i]
		x[i] = was + h
		up := f()
		x[i] = was - h
		down := f()
		x[i] = was
		if want := (up - down) / (2 * h); !(math.Abs(grad[i]-want) <= 1e-7*(1+math.Abs(want))) {
			t.Fatalf("%s: gradient %d is %v, differences give %v", what, i, grad[i], want)
		}
	}
}

// normals are n normally distributed numbers.
func normals(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// inner is the inner product of two vectors.
func inner(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
