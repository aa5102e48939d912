package bench

import (
	"slices"
	"strings"
	"time"

	"dsconv/internal/kernels"
)

// Kernel is the measurement of one kernel at one shape.
type Kernel struct {
	Name   string  `json:"name"`
	Shape  string  `json:"shape"`
	Millis float64 `json:"ms"`               // of the fastest round
	GFLOPS float64 `json:"gflops,omitempty"` // where arithmetic may be the limit
	GBps   float64 `json:"gbps,omitempty"`   // where memory may be the limit
	// Fraction is the time that the machine needs at least over the time taken: of
	// matrix products, the share of the FMA peak; of the others, the larger of the
	// shares of the peak and of the triad bandwidth. Data that stays in the cache
	// may be faster than memory.
	Fraction float64 `json:"fraction_of_peak"`
}

// Kernels is a whole measurement, with the machine's limits taken in the same run.
type Kernels struct {
	ISA        string   `json:"isa"`
	Threads    int      `json:"threads"`
	PeakGFLOPS float64  `json:"peak_gflops"`
	TriadGBps  float64  `json:"triad_gbps"`
	Kernels    []Kernel `json:"kernels"`
}

// work is a kernel call and what it costs at least.
type work struct {
	name, shape string
	flops       float64       // 0: arithmetic is not the limit
	bytes       float64       // that must cross the memory bus at least once; 0: memory is not the limit
	prepare     func() func() // allocates, and returns the call to measure
}

// MeasureKernels times every kernel whose name and shape contain all words of only, at
// the shapes of the 27M benchmark model (batch 8, 256 tokens, D 512) and of the recall
// models, for about the given time each. Of the rounds of a kernel, as of the machine's
// limits, the fastest counts: the others shared the processor with another program. Done
// is told of each kernel.
func MeasureKernels(each time.Duration, only string, done func(Kernel)) Kernels {
	m := Kernels{ISA: kernels.ActiveISA().String(), Threads: kernels.Threads()}
	m.limits()
	for _, w := range slices.Concat(gemms(), rowKernels(), convolutions(), others()) {
		if !matches(w.name+" "+w.shape, only) {
			continue
		}
		k := Kernel{Name: w.name, Shape: w.shape, Millis: fastest(w.prepare(), each).Seconds() * 1e3}
		k.GFLOPS, k.GBps = w.flops/k.Millis/1e6, w.bytes/k.Millis/1e6
		k.Fraction = m.fraction(k)
		m.Kernels = append(m.Kernels, k)
		done(k)
	}
	m.limits()
	for i := range m.Kernels {
		m.Kernels[i].Fraction = m.fraction(m.Kernels[i])
	}
	return m
}

// limits measures the machine; it is done before and after the kernels.
func (m *Kernels) limits() {
	m.PeakGFLOPS = max(m.PeakGFLOPS, kernels.MeasurePeak(m.Threads))
	m.TriadGBps = max(m.TriadGBps, kernels.MeasureTriad(m.Threads))
}

func (m *Kernels) fraction(k Kernel) float64 {
	return max(k.GFLOPS/m.PeakGFLOPS, k.GBps/m.TriadGBps)
}

func matches(text, only string) bool {
	for _, word := range strings.Fields(only) {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
			return false
		}
	}
	return true
}

// fastest runs f for about d and returns the shortest time of a call. Calls that are
// too short for the clock are timed in groups.
func fastest(f func(), d time.Duration) time.Duration {
	const enough = 200 * time.Microsecond
	f()
	calls := 1
	round := func() time.Duration {
		start := time.Now()
		for range calls {
			f()
		}
		return time.Since(start)
	}
	for round() < enough {
		calls *= 2
	}
	best := time.Duration(1 << 62)
	for rounds, start := 0, time.Now(); rounds < 5 || time.Since(start) < d; rounds++ {
		best = min(best, round())
	}
	return best / time.Duration(calls)
}
