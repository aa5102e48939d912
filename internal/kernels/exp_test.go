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
