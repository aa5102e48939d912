package kernels

import (
	"math"
	"testing"
)

// expBound is the relative error that exp32 and its vector twins promise.
const expBound = 3e-7

// expInputs are float32 numbers of every sign and exponent, and the edges of exp.
func expInputs() []float32 {
	x := []float32{
		0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
		expMin, expMax, math.Nextafter32(expMin, -100), math.Nextafter32(expMax, 100),
		-88, -104, -1e30, 89, 1e30, math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
	}
	for bits := uint64(0); bits < 1<<32; bits += 40961 {
		x = append(x, math.Float32frombits(uint32(bits)))
	}
	for i := range 1 << 16 { // where the result is a normal number
		x = append(x, expMin+float32(i)*((expMax-expMin)/(1<<16)))
	}
	return x
}

// checkExp compares got with exp(x).
func checkExp(t *testing.T, x, got float32) {
	t.Helper()
	want := math.Exp(float64(x))
	switch {
	case x != x:
		if got == got {
			t.Fatalf("exp(NaN) = %v", got)
		}
	case x > expMax:
		if !math.IsInf(float64(got), 1) {
			t.Fatalf("exp(%v) = %v, want infinity", x, got)
		}
	case x < expMin:
		if got != 0 {
			t.Fatalf("exp(%v) = %v, want 0", x, got)
		}
	case want*(1+expBound) > math.MaxFloat32 && math.IsInf(float64(got), 1): // at the last number
	default:
		if !(math.Abs(float64(got)-want) <= expBound*want) {
			t.Fatalf("exp(%v) = %v, want %v: relative error %v", x, got, want, math.Abs(float64(got)-want)/want)
		}
	}
}

func TestExp32(t *testing.T) {
	for _, x := range expInputs() {
		checkExp(t, x, exp32(x))
	}
	if got := exp32(0); got != 1 {
		t.Errorf("exp(0) = %v, want 1", got)
	}
}

func TestLog32(t *testing.T) {
	for bits := uint32(0x00800000); bits < 0x7f800000; bits += 10007 {
		x := math.Float32frombits(bits)
		want := math.Log(float64(x))
		near(t, "log", log32(x), want, 1e-7*math.Abs(want)+1e-9)
	}
	near(t, "log of one", log32(1), 0, 0)
	for _, x := range []float32{float32(math.Inf(1)), float32(math.NaN())} {
		if got := log32(x); math.Float32bits(got) != math.Float32bits(x) {
			t.Errorf("log(%v) = %v", x, got)
		}
	}
}

// The vector code takes the same tests, at every place in a row.
func TestExpSum(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		x := expInputs()
		y := make([]float32, len(x))
		expSum(y, x, 0, 0)
		for i := range x {
			checkExp(t, x[i], y[i])
		}
		for n := range 70 {
			in := make([]float32, n+2)
			out := make([]float32, n+2)
			for i := range in {
				in[i], out[i] = guard, guard
			}
			var want float64
			for i := range n {
				in[i+1] = float32(i%11) - 4.5
				want += math.Exp(float64(in[i+1] - 1.25))
			}
			got := expSum(out[1:n+1], in[1:n+1], 1.25, 1000)
			near(t, "sum", got, want, 1e-6*want)
			for i := range n {
				checkExp(t, in[i+1]-1.25, out[i+1])
			}
			if out[0] != guard || out[n+1] != guard {
				t.Fatalf("expSum of %d values wrote outside", n)
			}
		}
	})
}

func TestMaxAndScale(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		for n := 1; n < 150; n++ {
			for at := range n {
				x := make([]float32, n+1)
				for i := range x {
					x[i] = -5 - float32(i)
				}
				x[at], x[n] = -3, 7
				if got := maxRow(x[:n]); got != -3 {
					t.Fatalf("maximum %d of %d: got %v", at, n, got)
				}
			}
			x := make([]float32, n+1)
			for i := range x {
				x[i] = float32(i + 1)
			}
			scaleRow(x[:n], x[:n], -2)
			for i := range n {
				if x[i] != -2*float32(i+1) {
					t.Fatalf("scaled value %d of %d is %v", i, n, x[i])
				}
			}
			if x[n] != float32(n+1) {
				t.Fatalf("scaling %d values wrote outside", n)
			}
		}
	})
}

func BenchmarkExp(b *testing.B) {
	x := make([]float32, 4096)
	y := make([]float32, len(x))
	for i := range x {
		x[i] = -float32(i%1000) / 50
	}
	for b.Loop() {
		expSum(y, x, 0, 0)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(x)), "ns/value")
}
