package bench

import (
	"math"
	"testing"
	"time"

	"dsconv/internal/kernels"
)

// Every kernel of the list runs, and its figures fit together.
func TestMeasureKernels(t *testing.T) {
	kernels.SetThreads(2)
	defer kernels.SetThreads(0)
	told := 0
	m := MeasureKernels(time.Microsecond, "16384x64", func(Kernel) { told++ })
	if len(m.Kernels) < 5 || told != len(m.Kernels) {
		t.Fatalf("%d kernels, told of %d", len(m.Kernels), told)
	}
	if m.Threads != 2 || m.ISA != kernels.ActiveISA().String() {
		t.Errorf("threads %d, instruction set %s", m.Threads, m.ISA)
	}
	for _, k := range m.Kernels {
		want := math.Max(k.GFLOPS/m.PeakGFLOPS, k.GBps/m.TriadGBps)
		if k.Millis <= 0 || want <= 0 || k.Fraction != want {
			t.Errorf("%+v: want the fraction %v", k, want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		text, only string
		want       bool
	}{
		{"gemm NN 2048x512x1376", "", true},
		{"gemm NN 2048x512x1376", "gemm nn", true},
		{"gemm NN 2048x512x1376", "1376 GEMM", true},
		{"gemm NN 2048x512x1376", "gemm tn", false},
	} {
		if got := matches(c.text, c.only); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.text, c.only, got)
		}
	}
}

func TestFastestCountsEachCall(t *testing.T) {
	calls := 0
	d := fastest(func() { calls++; time.Sleep(50 * time.Microsecond) }, time.Millisecond)
	if calls < 5 || d < 50*time.Microsecond {
		t.Errorf("%d calls, %v each", calls, d)
	}
}
