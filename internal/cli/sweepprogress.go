package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"dsconv/internal/bug"
	"dsconv/internal/runs"
	"dsconv/internal/sweep"
	"dsconv/internal/train"
)

// sweepProgress shows a sweep as it goes: a bar on a terminal, elsewhere a line for
// every job that ends and one a minute. It counts the work of the jobs, not their
// number, for a ladder's last job may be half of it all.
type sweepProgress struct {
	f        *Factory
	failures map[string]error // by directory

	mu      sync.Mutex
	work    map[string]float64 // FLOPs of a job, by directory
	running map[string]sweep.Job
	done    float64 // work of jobs that have ended
	fresh   float64 // of which this call did
	start   time.Time
	status  string
	bar     *progressbar.ProgressBar
	stop    chan struct{}
	stopped bug.Group
}

const (
	sweepBarSteps  = 1000
	sweepBarEvery  = time.Second
	sweepLineEvery = time.Minute
)

func newSweepProgress(f *Factory, jobs []sweep.Job) *sweepProgress {
	w := &sweepProgress{f: f, failures: map[string]error{}, work: map[string]float64{}, running: map[string]sweep.Job{}, start: time.Now(), stop: make(chan struct{})}
	total := 0.0
	for _, j := range jobs {
		w.work[j.Dir] = planOf(j.Config).FLOPs
		total += w.work[j.Dir]
	}
	for dir := range w.work {
		w.work[dir] /= total
	}
	if f.Terminal {
		w.bar = f.newBar(sweepBarSteps)
	}
	w.stopped.Go(w.draw)
	return w
}

// draw shows how far the runs' metrics are until the sweep ends.
func (w *sweepProgress) draw() {
	every := sweepLineEvery
	if w.bar != nil {
		every = sweepBarEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
			w.refresh()
		}
	}
}

func (w *sweepProgress) refresh() {
	w.mu.Lock()
	running := slices.Collect(maps.Values(w.running))
	w.mu.Unlock()
	part := 0.0
	for _, j := range running {
		part += w.share(j)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.done + part
	if w.bar == nil {
		w.f.logf("%s, %.0f %% of the work%s", w.status, 100*now, w.left(part))
		return
	}
	w.bar.Describe(w.status + w.left(part))
	_ = w.bar.Set(int(now * sweepBarSteps)) // a bar that cannot be drawn stops no job
}

// left says how long the rest takes at the speed so far of this call; part is the
// work that running jobs have done.
func (w *sweepProgress) left(part float64) string {
	did, rest := w.fresh+part, 1-w.done-part
	if did < 0.01 || rest < 1e-9 {
		return ""
	}
	return ", " + durationText(time.Since(w.start).Seconds()/did*rest) + " left"
}

// share is how much of the sweep's work a running job has done.
func (w *sweepProgress) share(j sweep.Job) float64 {
	step, err := runs.Progress(j.Dir)
	if err != nil { // it has not begun, or is just being written
		return 0
	}
	return w.work[j.Dir] * min(1, float64(step)/float64(train.Steps(j.Config)))
}

// observe is told by sweep.Run, one event at a time.
func (w *sweepProgress) observe(e sweep.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := fmt.Sprintf("%s seed %d", e.Job.Label(), e.Job.Seed)
	count := fmt.Sprintf("[%d/%d]", e.Done+e.Failed, e.Total)
	switch e.Phase {
	case sweep.Skipped:
		w.done += w.work[e.Job.Dir]
		return
	case sweep.Started:
		w.running[e.Job.Dir] = e.Job
	case sweep.Done:
		w.done += w.work[e.Job.Dir]
		w.fresh += w.work[e.Job.Dir]
		w.line(false, "%s done     %s in %s%s%s", count, name, durationText(e.Took.Seconds()), lastScore(e.Job), w.left(0))
	case sweep.Failed:
		w.failures[e.Job.Dir] = e.Err
		w.done += w.work[e.Job.Dir]
		w.line(true, "%s FAILED   %s: %v", count, name, e.Err)
	case sweep.Waiting:
		w.line(true, "%s in use   %s: another process works on it", count, name)
	case sweep.Stopped:
		w.line(false, "%s stopped  %s: it goes on in the next call", count, name)
	}
	if e.Phase != sweep.Started {
		delete(w.running, e.Job.Dir)
	}
	var names []string
	for _, j := range w.running {
		names = append(names, j.Config.Name)
	}
	slices.Sort(names)
	w.status = fmt.Sprintf("%d/%d jobs", e.Done+e.Failed, e.Total)
	if e.Failed > 0 {
		w.status += fmt.Sprintf(", %d FAILED", e.Failed)
	}
	if len(names) > 0 {
		w.status += ", " + strings.Join(names, ", ")
	}
}

// line writes a line; where there is a bar only what matters is worth one.
func (w *sweepProgress) line(matters bool, format string, args ...any) {
	if w.bar == nil {
		w.f.logf(format, args...)
		return
	}
	if matters {
		_ = w.bar.Clear()
		w.f.logf(format, args...)
	}
}

// lastScore is the end of a line about a job that is done.
func lastScore(j sweep.Job) string {
	info, err := runs.Read(j.Dir)
	if err != nil || info.Eval == nil {
		return ""
	}
	return fmt.Sprintf("  loss %.4f  accuracy %.3f", info.Eval.Loss, info.Eval.Accuracy)
}

func (w *sweepProgress) close() {
	close(w.stop)
	w.stopped.Wait()
	if w.bar != nil {
		_ = w.bar.Clear()
	}
}
