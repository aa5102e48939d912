package kernels

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// pool hands the tasks of one For at a time to persistent workers. The caller
// works too, so n threads are the caller and n-1 workers.
type pool struct {
	busy sync.Mutex // held by the For that the workers serve

	threads atomic.Int64 // as set; 0 means GOMAXPROCS
	workers []chan struct{}

	// The task counter counts down, so a worker that comes late, between two
	// calls of For, takes a negative number and goes back to sleep; whoever
	// takes a number >= 0 knows that its For still waits for it, and that n and
	// body are that call's.
	todo atomic.Int64
	left atomic.Int64 // tasks not yet finished
	done chan struct{}
	n    int
	body func(int)
}

var workers = pool{done: make(chan struct{}, 1)}

// SetThreads sets how many threads For uses; 0 or less means GOMAXPROCS.
func SetThreads(n int) { workers.threads.Store(int64(max(n, 0))) }

// Threads says how many threads For uses.
func Threads() int {
	if n := int(workers.threads.Load()); n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// For runs body(0) to body(n-1) on the worker pool and returns when all are done.
// Tasks are started in ascending order, each by whichever thread is free. For may
// be called from several goroutines and from inside a body: a call that finds the
// pool busy runs its tasks itself, in order. A body must not panic.
//
// Results must not depend on the number of threads: cut tasks by shape, let no two
// tasks write the same memory, and add partial sums in a fixed order.
func For(n int, body func(i int)) {
	t := min(Threads(), n)
	if t <= 1 || !workers.busy.TryLock() {
		for i := range n {
			body(i)
		}
		return
	}
	p := &workers
	for len(p.workers) < t-1 {
		wake := make(chan struct{}, 1)
		p.workers = append(p.workers, wake)
		go p.serve(wake)
	}
	p.n, p.body = n, body
	p.left.Store(int64(n))
	p.todo.Store(int64(n))
	for _, wake := range p.workers[:t-1] {
		select {
		case wake <- struct{}{}:
		default: // still awake from the call before
		}
	}
	p.work()
	spin(func() bool { return p.left.Load() == 0 })
	<-p.done
	p.body = nil
	p.busy.Unlock()
}

// serve is the life of a worker. Waking a sleeping thread takes some hundred
// microseconds, as long as many a kernel runs, so a worker stays awake for a while
// after its work: through all of a training step, that is.
func (p *pool) serve(wake chan struct{}) {
	for range wake {
		p.work()
		for spin(func() bool { return p.todo.Load() > 0 }) {
			p.work()
		}
	}
}

// awake is how long a thread waits for work, or for the end of it, before it
// sleeps.
const awake = time.Millisecond

// spin waits until ready, at most for awake, and says whether it saw that. Now and
// then it lets other goroutines run. It does without the PAUSE instruction, on which
// a virtual machine may be stopped for tens of microseconds.
func spin(ready func() bool) bool {
	var start time.Time
	for i := 1; ; i++ {
		if ready() {
			return true
		}
		if i%4096 == 0 {
			now := time.Now()
			if start.IsZero() {
				start = now
			} else if now.Sub(start) > awake {
				return false
			}
			runtime.Gosched()
		}
	}
}

// work takes tasks until none is left; whoever finishes the last one says so.
func (p *pool) work() {
	for {
		i := p.todo.Add(-1)
		if i < 0 {
			return
		}
		p.body(p.n - 1 - int(i))
		if p.left.Add(-1) == 0 {
			p.done <- struct{}{}
		}
	}
}
