package sweep

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dsconv/internal/bug"
	"dsconv/internal/runs"
)

// Launcher starts one job and waits for its end. It returns ErrInUse if another
// process works on the job's directory.
type Launcher interface {
	Launch(ctx context.Context, j Job) error
}

// ErrInUse says that another process works on a job.
var ErrInUse = errors.New("in use by another process")

// ErrInterrupted says that the sweep was stopped; a second call goes on.
var ErrInterrupted = errors.New("interrupted")

// FailedError says that a sweep came to its end, but not all of its jobs did.
type FailedError struct{ Failed, Total int }

func (e *FailedError) Error() string {
	return fmt.Sprintf("sweep: %d of %d jobs failed", e.Failed, e.Total)
}

// Phase is what has just happened to a job.
type Phase int

// The phases of a job.
const (
	Skipped Phase = iota // it was done before
	Started
	Waiting // another process works on it; it comes last
	Done
	Failed
	Stopped // the sweep was interrupted; the job goes on in the next call
)

// Event tells of a job.
type Event struct {
	Job    Job
	Phase  Phase
	Err    error         // of a failed job
	Took   time.Duration // from start to end
	Done   int           // jobs that are complete, with those of earlier calls
	Failed int
	Total  int
}

// poll is how often a job that another process works on is looked at.
const poll = 300 * time.Millisecond

// Run brings every job to its end, at most parallel at a time, and tells observe,
// one event at a time. Jobs that are done are skipped; one that fails is reported
// at once and does not end the rest. The error is a *FailedError, or ErrInterrupted
// once ctx has ended and every job has stopped. A panic of l or of observe stops the
// jobs, and is the caller's once they have saved what they did.
func Run(ctx context.Context, jobs []Job, parallel int, l Launcher, observe func(Event)) error {
	r := &runner{launcher: l, observe: observe, total: len(jobs)}
	var todo []waitable
	for _, j := range jobs {
		switch {
		case j.Refused != nil:
			r.tell(Event{Job: j, Phase: Failed, Err: j.Refused})
		case j.State == runs.StateDone:
			r.tell(Event{Job: j, Phase: Skipped})
		default:
			todo = append(todo, waitable{Job: j})
		}
	}
	r.todo = todo
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := bug.Group{Stop: stop}
	for range min(max(1, parallel), max(1, len(todo))) {
		workers.Go(func() { r.work(ctx) })
	}
	workers.Wait()
	switch {
	case ctx.Err() != nil && r.done+r.failed < r.total:
		return fmt.Errorf("sweep: %w: %d of %d jobs done; the same command goes on from here", ErrInterrupted, r.done, r.total)
	case r.failed > 0:
		return &FailedError{r.failed, r.total}
	}
	return nil
}

type runner struct {
	launcher Launcher
	observe  func(Event)

	mu                  sync.Mutex
	done, failed, total int
	todo                []waitable
}

// waitable is a job, and whether another process was seen to work on it.
type waitable struct {
	Job
	waits bool
}

func (r *runner) tell(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Phase {
	case Skipped, Done:
		r.done++
	case Failed:
		r.failed++
	}
	e.Done, e.Failed, e.Total = r.done, r.failed, r.total
	r.observe(e)
}

// work takes jobs until none is left. One that another process works on goes to the end of
// the queue: several sweeps of one folder share its jobs, and the jobs of a sweep that was
// killed may still be running.
func (r *runner) work(ctx context.Context) {
	for ctx.Err() == nil {
		j, ok := r.next()
		if !ok {
			return
		}
		if j.waits { // so do all that are left
			select {
			case <-time.After(poll):
			case <-ctx.Done():
				return
			}
		}
		if r.inUse(ctx, j) {
			r.later(j)
		}
	}
}

func (r *runner) next() (j waitable, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.todo) == 0 {
		return j, false
	}
	j, r.todo = r.todo[0], r.todo[1:]
	return j, true
}

func (r *runner) later(j waitable) {
	if !j.waits {
		r.tell(Event{Job: j.Job, Phase: Waiting})
	}
	j.waits = true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.todo = append(r.todo, j)
}

// inUse brings a job to its end, unless another process works on it.
func (r *runner) inUse(ctx context.Context, j waitable) bool {
	state, err := runs.StateOf(j.Dir)
	switch {
	case err != nil:
		r.tell(Event{Job: j.Job, Phase: Failed, Err: err})
		return false
	case state == runs.StateRunning:
		return true
	case state == runs.StateDone && j.waits:
		r.tell(Event{Job: j.Job, Phase: Done})
		return false
	}
	r.tell(Event{Job: j.Job, Phase: Started})
	start := time.Now()
	err = r.launcher.Launch(ctx, j.Job)
	e := Event{Job: j.Job, Phase: Done, Took: time.Since(start)}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		e.Phase = Stopped
	case errors.Is(err, ErrInUse):
		return true
	default:
		e.Phase, e.Err = Failed, err
	}
	r.tell(e)
	return false
}
