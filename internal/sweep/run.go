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
	Waiting // another process works on it
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
	var todo []Job
	for _, j := range jobs {
		switch {
		case j.Refused != nil:
			r.tell(Event{Job: j, Phase: Failed, Err: j.Refused})
		case j.State == runs.StateDone:
			r.tell(Event{Job: j, Phase: Skipped})
		default:
			todo = append(todo, j)
		}
	}
	queue := make(chan Job)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	workers := bug.Group{Stop: stop}
	for range min(max(1, parallel), max(1, len(todo))) {
		workers.Go(func() {
			for j := range queue {
				r.one(ctx, j)
			}
		})
	}
feed:
	for _, j := range todo {
		select {
		case queue <- j:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
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

// one runs a job, after another process that works on it, if there is one: the
// jobs of a sweep that was killed may still be running.
func (r *runner) one(ctx context.Context, j Job) {
	if ctx.Err() != nil {
		return
	}
	r.tell(Event{Job: j, Phase: Started})
	start := time.Now()
	told := false
	for {
		var err error
		if state, e := runs.StateOf(j.Dir); e != nil {
			err = e
		} else if state == runs.StateRunning {
			err = ErrInUse
		} else if told && state == runs.StateDone {
			r.tell(Event{Job: j, Phase: Done, Took: time.Since(start)})
			return
		} else {
			err = r.launcher.Launch(ctx, j)
		}
		switch {
		case err == nil:
			r.tell(Event{Job: j, Phase: Done, Took: time.Since(start)})
			return
		case ctx.Err() != nil:
			r.tell(Event{Job: j, Phase: Stopped, Took: time.Since(start)})
			return
		case !errors.Is(err, ErrInUse):
			r.tell(Event{Job: j, Phase: Failed, Err: err, Took: time.Since(start)})
			return
		}
		if !told {
			told = true
			r.tell(Event{Job: j, Phase: Waiting})
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
		}
	}
}
