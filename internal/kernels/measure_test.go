package kernels

import (
	"fmt"
	"testing"
)

// The measured limits are numbers that a kernel can be held to: not zero, and for
// any number of threads.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 192 MiB")
	}
	everyISA(t, func(t *testing.T) {
		for _, threads := range []int{1, 3} {
			if p := MeasurePeak(threads); !(p > 0) {
				t.Errorf("peak of %d threads: %v GFLOP/s", threads, p)
			}
		}
	})
	if b := MeasureTriad(3); !(b > 0) {
		t.Errorf("bandwidth: %v GB/s", b)
	}
}

func TestTogetherRunsEachPartOnce(t *testing.T) {
	var ran [5]int
	if d := together(len(ran), func(i int) { ran[i]++ }); d <= 0 {
		t.Errorf("took %v", d)
	}
	if ran != [5]int{1, 1, 1, 1, 1} {
		t.Errorf("parts ran %v times", ran)
	}
}

func TestTriad(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		for n := range 70 {
			a, b, dst := make([]float32, n), make([]float32, n), make([]float32, n+1)
			for i := range a {
				a[i], b[i] = float32(i), float32(2*i+1)
			}
			triad(dst[:n], a, b, 3)
			for i := range a {
				near(t, "triad", dst[i], float64(i)+3*float64(2*i+1), 0)
			}
			near(t, "guard", dst[n], 0, 0)
		}
	})
}

// BenchmarkMultiplyAdds runs the loop that MeasurePeak takes the best rounds of for as long
// as a training step: what the processor sustains.
func BenchmarkMultiplyAdds(b *testing.B) {
	e := engines[isa]
	const n = 1 << 22
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			for b.Loop() {
				together(threads, func(int) {
					seed := [2]float32{1, 1e-9}
					e.multiplyAdds(n, &seed[0])
				})
			}
			b.ReportMetric(float64(threads*n*e.peakFLOPs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			b.ReportMetric(MeasurePeak(threads), "peak")
		})
	}
}
