package kernels

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"dsconv/internal/bug"
)

// withThreads runs a test body with the given number of threads.
func withThreads(t testing.TB, n int) {
	former := workers.threads.Load()
	SetThreads(n)
	t.Cleanup(func() { workers.threads.Store(former) })
}

func TestForRunsEveryTaskOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 7} {
		withThreads(t, threads)
		for _, n := range []int{0, 1, 2, 3, 100, 1000} {
			runs := make([]atomic.Int32, n)
			For(n, func(i int) { runs[i].Add(1) })
			for i := range runs {
				if got := runs[i].Load(); got != 1 {
					t.Fatalf("threads %d, n %d: task %d ran %d times", threads, n, i, got)
				}
			}
		}
	}
}

func TestForNestedAndConcurrent(t *testing.T) {
	withThreads(t, 3)
	var sum atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 50 {
				For(5, func(i int) {
					For(7, func(j int) { sum.Add(int64(10*i + j)) })
				})
			}
		})
	}
	callers.Wait()
	const once = 7*10*(0+1+2+3+4) + 5*(0+1+2+3+4+5+6)
	if want := int64(4 * 50 * once); sum.Load() != want {
		t.Fatalf("sum of tasks %d, want %d", sum.Load(), want)
	}
}

// A panic of any task, on a worker's thread or the caller's, is the caller's when every
// other task is done, and the pool goes on as before.
func TestForPanics(t *testing.T) {
	withThreads(t, 2)
	for _, fall := range [][]int{{0}, {1}, {0, 1, 2}} {
		var both sync.WaitGroup // tasks 0 and 3 run at the same time, on two threads
		both.Add(2)
		runs := make([]atomic.Int32, 6)
		got := func() (r any) {
			defer func() { r = recover() }()
			For(len(runs), func(i int) {
				runs[i].Add(1)
				if i%3 == 0 {
					both.Done()
					both.Wait()
				}
				if slices.Contains(fall, i%3) {
					panic("task")
				}
			})
			return nil
		}()
		if p, ok := got.(*bug.Panic); !ok || p.Value != "task" || !strings.Contains(string(p.Stack), "TestForPanics") {
			t.Errorf("%v: For panics with %#v", fall, got)
		}
		for i := range runs {
			if got := runs[i].Load(); got != 1 {
				t.Errorf("%v: task %d ran %d times", fall, i, got)
			}
		}
		var sum atomic.Int64
		For(100, func(i int) { sum.Add(int64(i)) })
		if sum.Load() != 4950 {
			t.Errorf("%v: the next call's tasks sum to %d", fall, sum.Load())
		}
	}
}

// A caller whose tasks take longer than it waits awake sleeps, and is woken for every one of
// many calls, long and short ones in turns.
func TestForSleeps(t *testing.T) {
	withThreads(t, 3)
	for range 20 {
		var runs atomic.Int32
		For(3, func(i int) {
			if i > 0 {
				time.Sleep(awake + time.Duration(i)*awake)
			}
			runs.Add(1)
		})
		if got := runs.Load(); got != 3 {
			t.Fatalf("For returns when %d of 3 tasks are done", got)
		}
		for range 1000 {
			runs.Store(0)
			For(4, func(int) { runs.Add(1) })
			if got := runs.Load(); got != 4 {
				t.Fatalf("For returns when %d of 4 short tasks are done", got)
			}
		}
	}
}

func TestForAllocatesNothing(t *testing.T) {
	withThreads(t, 2)
	var sum atomic.Int64
	body := func(i int) { sum.Add(int64(i)) }
	For(4, body) // starts the worker
	if got := testing.AllocsPerRun(100, func() { For(4, body) }); got != 0 {
		t.Fatalf("%v allocations a call", got)
	}
}

func TestScratch(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 80, 81, 96, 97, 112, 113, 128, 129, 1000, 4097, 1 << 20} {
		b := scratch(n)
		if len(b.f) != n {
			t.Fatalf("scratch(%d) has %d values", n, len(b.f))
		}
		if uintptr(unsafe.Pointer(unsafe.SliceData(b.whole)))%64 != 0 {
			t.Fatalf("scratch(%d) does not start on a 64-byte boundary", n)
		}
		if n > 64 && len(b.whole) > n+n/2 {
			t.Fatalf("scratch(%d) takes %d values", n, len(b.whole))
		}
		b.release()
		if again := scratch(n); again != b {
			t.Fatalf("scratch(%d) does not reuse a released buffer", n)
		} else {
			again.release()
		}
	}
}

func BenchmarkFor(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(map[int]string{1: "threads=1", 2: "threads=2"}[threads], func(b *testing.B) {
			withThreads(b, threads)
			body := func(int) {}
			for b.Loop() {
				For(16, body)
			}
		})
	}
}
