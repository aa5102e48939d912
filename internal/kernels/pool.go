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
//
// A small product takes a microsecond, and a cache line that goes from one core to another
// up to a quarter of that. So each thread waits at a line of its own, which also says what to
// do, and counts what it has finished on another, which the caller reads.
type pool struct {
	busy sync.Mutex // held by the For that the workers serve

	threads atomic.Int64 // as set; 0 means GOMAXPROCS
	workers []chan struct{}
	asked   int64 // tasks of all calls

	// A worker that comes late, between two calls of For, finds all shares empty and
	// goes back to sleep; whoever takes a task knows that its For still waits for it.
	shares [maxThreads]share
	shared atomic.Int64              // shares that the last call made
	asleep atomic.Bool               // the caller sleeps until a thread is done with a task
	done   chan struct{}             // wakes it
	fell   atomic.Pointer[bug.Panic] // the first panic of a task
}

// maxThreads is the most threads that a For uses.
const maxThreads = 256

// share is a run of tasks that one thread begins with: the next one, and the end, in the
// upper and lower half of a word. Neighbours read and write neighbouring memory, and what
// a thread fetches ahead of use is its own.
type share struct {
	tasks atomic.Uint64
	body  func(int) // of the call that made the share; kept until the next one does
	_     [112]byte // no two threads write the same pair of cache lines

	finished atomic.Int64 // tasks of any share that this thread has finished, in all calls
	_        [120]byte
}

func (s *share) set(next, end int, body func(int)) {
	s.body = body
	s.tasks.Store(uint64(next)<<32 | uint64(end))
}

// ready says whether a task is left. It adds nothing rather than load, which brings the
// line to be written: the thread will take a task off it at once.
func (s *share) ready() bool {
	now := s.tasks.Add(0)
	return now>>32 < now&(1<<32-1)
}

// take takes a task off the front, or the back for a thread that has none left.
func (s *share) take(front bool) (task int, ok bool) {
	for {
		now := s.tasks.Load()
		next, end := now>>32, now&(1<<32-1)
		if next >= end {
			return 0, false
		}
		taken, then := end-1, next<<32|(end-1)
		if front {
			taken, then = next, (next+1)<<32|end
		}
		if s.tasks.CompareAndSwap(now, then) {
			return int(taken), true
		}
	}
}

var workers = pool{done: make(chan struct{}, 1)}

// SetThreads sets how many threads For uses; 0 or less means GOMAXPROCS.
func SetThreads(n int) { workers.threads.Store(int64(max(n, 0))) }

// Threads says how many threads For uses at most.
func Threads() int {
	n := int(workers.threads.Load())
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return min(n, maxThreads)
}

// For runs body(0) to body(n-1), n < 1<<32, on the worker pool and returns when all are
// done. Each thread begins with its share of neighbouring tasks, in ascending order, and
// then takes the last ones of others. For may be called from several goroutines and from inside a
// body: a call that finds the pool busy runs its tasks itself, in order. Where a body
// panics, on whichever thread, For panics too: at once where it runs its tasks itself,
// else when all are done, with a *bug.Panic. A body may not end its goroutine, as a test's
// FailNow does.
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
		go p.serve(len(p.workers), wake)
	}
	p.asked += int64(n)
	if p.shared.Load() != int64(t) {
		p.shared.Store(int64(t))
	}
	for i := t - 1; i >= 0; i-- { // the others' first: they are waiting
		p.shares[i].set(i*n/t, (i+1)*n/t, body)
	}
	for _, wake := range p.workers[:t-1] {
		select {
		case wake <- struct{}{}:
		default: // still awake from the call before
		}
	}
	p.work(0)
	p.wait()
	fell := p.fell.Swap(nil)
	p.busy.Unlock()
	if fell != nil {
		panic(fell)
	}
}

// wait returns when all tasks are finished. It sleeps only after a while: a thread that
// meets another at a channel may stay there for longer than a small product takes.
func (p *pool) wait() {
	for !spin(p.finished) {
		p.asleep.Store(true)
		if p.finished() && p.asleep.Swap(false) {
			return // nobody has seen the sleeper
		}
		<-p.done
	}
}

// finished says whether all tasks of all calls are.
func (p *pool) finished() bool {
	n := int64(0)
	for i := range len(p.workers) + 1 {
		n += p.shares[i].finished.Load()
	}
	return n == p.asked
}

// serve is the life of a worker. Waking a sleeping thread takes some hundred
// microseconds, as long as many a kernel runs, so a worker stays awake for a while
// after its work: through all of a training step, that is.
func (p *pool) serve(id int, wake chan struct{}) {
	for range wake {
		p.work(id)
		for spin(p.shares[id].ready) {
			p.work(id)
		}
	}
}

// awake is about how long a thread waits for work, or for the end of it, before it
// sleeps.
const awake = time.Millisecond

// spin waits until ready, about as long as awake at most, and says whether it saw that. Now and
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
	for !p.tryAll(id) {
	}
}

// tryAll works until no task is left, or one panics: it counts as finished, for the
// caller of For waits for all of them.
func (p *pool) tryAll(id int) (all bool) {
	defer func() {
		if r := recover(); r != nil {
			p.fell.CompareAndSwap(nil, bug.Of(r))
			p.finish(id)
		}
	}()
	p.takeAll(id)
	return true
}

// takeAll runs the tasks of its own share first, then those of others.
func (p *pool) takeAll(id int) {
	n := int(p.shared.Load())
	for i := range n {
		s := &p.shares[(id+i)%n]
		for {
			task, ok := s.take(i == 0)
			if !ok {
				break
			}
			s.body(task)
			p.finish(id)
		}
	}
}

// finish counts a task, and wakes a caller that sleeps.
func (p *pool) finish(id int) {
	p.shares[id].finished.Add(1)
	if p.asleep.Load() && p.asleep.Swap(false) {
		p.done <- struct{}{}
	}
}
