package kernels

import (
	"sync"
	"time"

	"dsconv/internal/bug"
)

// The limits of a machine are the best of several rounds: a round that shares the
// processor with another program says nothing about the machine.
const (
	peakRound   = 4 * time.Millisecond
	peakRounds  = 25
	triadValues = 16 << 20 // of each of three vectors: 64 MiB, beyond most caches
	triadRounds = 10
)

// MeasurePeak measures the multiply-adds that the given number of threads can do
// with the instruction set in use, in GFLOP/s (two operations each). It takes about
// 0.1 s.
func MeasurePeak(threads int) float64 {
	e := engines[isa]
	loop := func(n int) time.Duration {
		return together(threads, func(int) {
			seed := [2]float32{1, 1e-9}
			e.multiplyAdds(n, &seed[0])
		})
	}
	n := 1000
	for loop(n) < peakRound {
		n *= 2
	}
	best := 0.0
	for range peakRounds {
		flops := float64(threads) * float64(n) * float64(e.peakFLOPs)
		best = max(best, flops/loop(n).Seconds()/1e9)
	}
	return best
}

// MeasureTriad measures the memory bandwidth of a = b + f*c on the given number of
// threads, in GB/s. It counts 12 bytes a value, as STREAM does: the lines of a that
// the processor reads before it writes them are not counted. It takes 192 MiB and
// about 0.2 s.
func MeasureTriad(threads int) float64 {
	a, b, c := make([]float32, triadValues), make([]float32, triadValues), make([]float32, triadValues)
	part := func(i int, f func(i0, i1 int)) { f(i*triadValues/threads, (i+1)*triadValues/threads) }
	together(threads, func(i int) {
		part(i, func(i0, i1 int) {
			for j := i0; j < i1; j++ { // the pages come to be where they are used
				a[j], b[j], c[j] = 0, 1, 2
			}
		})
	})
	best := 0.0
	for range triadRounds {
		d := together(threads, func(i int) {
			part(i, func(i0, i1 int) { triad(a[i0:i1], b[i0:i1], c[i0:i1], 3) })
		})
		best = max(best, 12*triadValues/d.Seconds()/1e9)
	}
	return best
}

// together runs body(0) to body(n-1) at the same time, each in its own goroutine,
// and says how long they took from the moment when all were ready.
func together(n int, body func(i int)) time.Duration {
	var ready sync.WaitGroup
	var done bug.Group
	begin := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-begin
			body(i)
		})
	}
	ready.Wait()
	start := time.Now()
	close(begin)
	done.Wait()
	return time.Since(start)
}
