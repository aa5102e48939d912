package kernels

import (
	"math"
	"slices"
	"testing"
)

// TestStoreBF16 checks the two neighbours, the mean over many draws, and numbers that
// are not finite.
func TestStoreBF16(t *testing.T) {
	for _, x := range []float32{1, -1, 1.00390625 / 2, 3.14159, -2.71828e-20, 6.5e30, 1e-39, 0} {
		low := math.Float32frombits(math.Float32bits(x) &^ 0xffff)
		high := math.Float32frombits(math.Float32bits(x)&^0xffff + 0x10000)
		const n = 40000
		src, dst, back := make([]float32, n), make([]uint16, n), make([]float32, n)
		for i := range src {
			src[i] = x
		}
		StoreBF16(dst, src, false, 7)
		LoadBF16(back, dst)
		var sum float64
		for _, y := range back {
			if y != low && y != high {
				t.Fatalf("%g became %g, which is neither %g nor %g", x, y, low, high)
			}
			sum += float64(y)
		}
		gap := math.Abs(float64(high) - float64(low))
		// The mean of n draws from two values is within 4 standard errors.
		if d := math.Abs(sum/n - float64(x)); d > 4*gap/2/math.Sqrt(n) {
			t.Errorf("%g: mean of the draws is off by %g of a step", x, d/gap)
		}
	}
	bad := []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0x7f800001)}
	dst, back := make([]uint16, len(bad)), make([]float32, len(bad))
	StoreBF16(dst, bad, false, 1)
	LoadBF16(back, dst)
	if !math.IsInf(float64(back[0]), 1) || !math.IsInf(float64(back[1]), -1) || back[2] == back[2] || back[3] == back[3] {
		t.Errorf("%v became %v", bad, back)
	}
}

// TestStoreBF16KeepsSmallSteps: additions far below a step of the format are not lost.
func TestStoreBF16KeepsSmallSteps(t *testing.T) {
	const n, steps = 2000, 256
	dst, add := make([]uint16, n), make([]float32, n)
	for i := range add {
		dst[i], add[i] = 0x3f80, 1.0/1024 // 1, whose next number is 1 + 1/128
	}
	for s := range uint64(steps) {
		StoreBF16(dst, add, true, s)
	}
	back := make([]float32, n)
	LoadBF16(back, dst)
	var sum float64
	for _, x := range back {
		sum += float64(x)
	}
	if mean := sum / n; math.Abs(mean-1.25) > 0.01 {
		t.Errorf("1 + 256/1024 came out as %.4f", mean)
	}
}

// TestNarrowBitsDoNotDependOnThreads covers a length that is no multiple of a task.
func TestNarrowBitsDoNotDependOnThreads(t *testing.T) {
	defer SetThreads(0)
	const n = 3*taskElements + 17
	src := make([]float32, n)
	for i := range src {
		src[i] = float32(math.Sin(float64(i)))
	}
	var want []uint16
	var wantW []float32
	var wantSum float64
	for _, threads := range []int{1, 2, 3, 5} {
		SetThreads(threads)
		g, m, v := make([]uint16, n), make([]uint16, n), make([]uint16, n)
		w := slices.Clone(src)
		StoreBF16(g, src, false, 3)
		AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, Step: 1, Scale: 1}.UpdateNarrow(w, Narrow{BF16: g}, Narrow{BF16: m}, Narrow{BF16: v}, 9)
		got, sum := slices.Concat(g, m, v), Narrow{BF16: g}.SumSquares()
		if want == nil {
			want, wantW, wantSum = got, w, sum
		}
		if !slices.Equal(got, want) || !slices.Equal(w, wantW) || sum != wantSum {
			t.Errorf("%d threads give other bits than 1", threads)
		}
	}
}

// TestUpdateNarrowInFloat32 is Update itself when nothing is narrow.
func TestUpdateNarrowInFloat32(t *testing.T) {
	const n = taskElements + 5
	w, g := make([]float32, n), make([]float32, n)
	for i := range w {
		w[i], g[i] = float32(math.Cos(float64(i))), float32(math.Sin(float64(i)))
	}
	a := AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, Step: 3, Scale: 0.5}
	w2 := slices.Clone(w)
	m, v, m2, v2 := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	a.Update(w, g, m, v)
	a.UpdateNarrow(w2, Narrow{F32: g}, Narrow{F32: m2}, Narrow{F32: v2}, 1)
	if !slices.Equal(w, w2) || !slices.Equal(m, m2) || !slices.Equal(v, v2) {
		t.Error("UpdateNarrow in float32 differs from Update")
	}
}
