package kernels

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"dsconv/internal/bug"
)

// pool hands the tasks of one For at a time to persistent workers. The caller
// works too, so n threads are the caller and n-1 workers.
type pool struct {
	busy sync.Mutex // held by the For that the workers serve

	threads atomic.Int64 // as set; 0 means GOMAXPROCS
	workers []chan struct{}

	// A worker that comes late, between two calls of For, finds all shares empty and
	// goes back to sleep; whoever takes a task knows that its For still waits for it,
	// and that body is that call's.
	shares [maxThreads]share
	shared atomic.Int64 // shares that the last call made
	left   atomic.Int64 // tasks not yet finished
	done   chan struct{}
	body   func(int)
	fell   atomic.Pointer[bug.Panic] // the first panic of a task
}

// maxThreads is the most threads that a For uses.
const maxThreads = 256

// share is a run of tasks that one thread begins with: the next one, and the end, in the
// upper and lower half of a word. Neighbours read and write neighbouring memory, and what
// a thread fetches ahead of use is its own.
type share struct {
	tasks atomic.Uint64
	_     [120]byte // shares of two threads lie in no pair of cache lines
}

func (s *share) set(next, end int) { s.tasks.Store(uint64(next)<<32 | uint64(end)) }

// take takes a task off the front, or the back for a thread that has none left.
func (s *share) take(front bool) (task int, ok bool) {
	for {
		now := s.tasks.Load()
		next, end := now>>32, now&(1<<32-1)
		if next >= end {
			return 0, false
		}
		task, then := end-1, next<<32|(end-1)
		if front {
			task, then = next, (next+1)<<32|end
		}
		if s.tasks.CompareAndSwap(now, then) {
			return int(task), true
		}
	}
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

// For runs body(0) to body(n-1) on the worker pool and returns when all are done. Each
// thread begins with its share of neighbouring tasks, in ascending order, and then takes
// the last ones of others. For may be called from several goroutines and from inside a
// body: a call that finds the pool busy runs its tasks itself, in order. Where a body
// panics, on whichever thread, For panics too: at once where it runs its tasks itself,
// else when all are done, with a *bug.Panic.
//
// Results must not depend on the number of threads: cut tasks by shape, let no two
// tasks write the same memory, and add partial sums in a fixed order.
func For(n int, body func(i int)) {
	t := min(Threads(), n, maxThreads)
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
		go p.serve(len(p.workers), wake)
	}
	p.body = body
	p.left.Store(int64(n))
	p.shared.Store(int64(t))
	for i := range t {
		p.shares[i].set(i*n/t, (i+1)*n/t)
	}
	for _, wake := range p.workers[:t-1] {
		select {
		case wake <- struct{}{}:
		default: // still awake from the call before
		}
	}
	p.work(0)
	spin(func() bool { return p.left.Load() == 0 })
	<-p.done
	p.body = nil
	fell := p.fell.Swap(nil)
	p.busy.Unlock()
	if fell != nil {
		panic(fell)
	}
}

// serve is the life of a worker. Waking a sleeping thread takes some hundred
// microseconds, as long as many a kernel runs, so a worker stays awake for a while
// after its work: through all of a training step, that is.
func (p *pool) serve(id int, wake chan struct{}) {
	for range wake {
		p.work(id)
		for spin(func() bool { return p.left.Load() > 0 }) {
			p.work(id)
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

// work takes tasks until none is left, also after one that panicked.
func (p *pool) work(id int) {
	for !p.try(id) {
	}
}

// try takes tasks until none is left, or one panics: it counts as finished, for the
// caller of For waits for all of them.
func (p *pool) try(id int) (through bool) {
	defer func() {
		if r := recover(); r != nil {
			p.fell.CompareAndSwap(nil, bug.Of(r))
			p.finish()
		}
	}()
	p.take(id)
	return true
}

// take takes the tasks of its own share first, then those of others.
func (p *pool) take(id int) {
	n := int(p.shared.Load())
	for i := range n {
		s := &p.shares[(id+i)%n]
		for {
			task, ok := s.take(i == 0)
			if !ok {
				break
			}
			p.body(task)
			p.finish()
		}
	}
}

// finish counts a task; whoever finishes the last one says so.
func (p *pool) finish() {
	if p.left.Add(-1) == 0 {
		p.done <- struct{}{}
	}
}
