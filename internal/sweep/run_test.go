package sweep

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"dsconv/internal/bug"
	"dsconv/internal/config"
	"dsconv/internal/runs"
)

// fake is a launcher that calls a function.
type fake func(ctx context.Context, j Job) error

func (f fake) Launch(ctx context.Context, j Job) error { return f(ctx, j) }

// jobs plans a sweep of n seeds below dir.
func plan(t *testing.T, dir string, n int) []Job {
	t.Helper()
	var seeds []string
	for i := range n {
		seeds = append(seeds, fmt.Sprint(i+1))
	}
	file := filepath.Join(t.TempDir(), "sweep.yaml")
	text := "variants: {dyn: {conv: {kind: dynamic, rank: 4}}}\nbase: {train: {steps: 2, batch: 2, eval_batches: 1}, model: {dim: 16, mlp_dim: 16}}\ngrid: {seed: [" + strings.Join(seeds, ", ") + "]}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := config.LoadSweep(file, "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := Plan(s, dir)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// finish makes a job's directory look complete.
func finish(t *testing.T, j Job) {
	t.Helper()
	if err := os.MkdirAll(j.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	body := "{\n  \"step\": 2"
	done := fmt.Sprintf("%s,\n  \"seal\": \"%x\"\n}\n", body, sha256.Sum256([]byte(body)))
	if err := os.WriteFile(filepath.Join(j.Dir, "DONE"), []byte(done), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for i, j := range plan(t, "runs/x", 3) {
		name := filepath.Base(j.Dir)
		if want := fmt.Sprintf("dyn-s%d-%s", i+1, j.Config.Hash()); name != want || filepath.Dir(j.Dir) != "runs/x" {
			t.Errorf("job lives in %s, want runs/x/%s", j.Dir, want)
		}
		if err := runs.CheckName(name); err != nil {
			t.Error(err)
		}
		if j.State != runs.StatePending || j.Refused != nil {
			t.Errorf("%s: %s, %v", name, j.State, j.Refused)
		}
		seen[name] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d names for 3 jobs", len(seen))
	}
}

func TestFailureDoesNotEndTheRest(t *testing.T) {
	list := plan(t, t.TempDir(), 5)
	list[0].State = runs.StateDone
	list[4].Refused = errors.New("of another identity")
	bad := errors.New("out of memory")
	var launched []int64
	var log []string
	err := Run(t.Context(), list, 1, fake(func(_ context.Context, j Job) error {
		launched = append(launched, j.Seed)
		if j.Seed == 2 {
			return bad
		}
		return nil
	}), func(e Event) {
		log = append(log, fmt.Sprintf("%d phase %d: %d+%d of %d %v", e.Job.Seed, e.Phase, e.Done, e.Failed, e.Total, e.Err))
	})
	var failed *FailedError
	if !errors.As(err, &failed) || failed.Failed != 2 || failed.Total != 5 {
		t.Errorf("got %v, want 2 of 5 failed", err)
	}
	if diff := cmp.Diff([]int64{2, 3, 4}, launched); diff != "" {
		t.Errorf("launched (-want +got):\n%s", diff)
	}
	want := []string{
		"1 phase 0: 1+0 of 5 <nil>",
		"5 phase 4: 1+1 of 5 of another identity",
		"2 phase 1: 1+1 of 5 <nil>",
		"2 phase 4: 1+2 of 5 out of memory",
		"3 phase 1: 1+2 of 5 <nil>",
		"3 phase 3: 2+2 of 5 <nil>",
		"4 phase 1: 2+2 of 5 <nil>",
		"4 phase 3: 3+2 of 5 <nil>",
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestParallelJobs(t *testing.T) {
	list := plan(t, t.TempDir(), 7)
	var now, most atomic.Int32
	var gate sync.WaitGroup
	gate.Add(3)
	var first sync.Once
	err := Run(t.Context(), list, 3, fake(func(context.Context, Job) error {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == 3 {
			first.Do(func() { gate.Add(-3) })
		}
		gate.Wait() // until three are under way at once
		return nil
	}), func(Event) {})
	if err != nil || most.Load() != 3 {
		t.Errorf("%d at a time, %v; want 3", most.Load(), err)
	}
}

func TestInterruptedSweepGoesOn(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var stopped []int64
	err := Run(ctx, plan(t, dir, 4), 1, fake(func(ctx context.Context, j Job) error {
		if j.Seed == 2 {
			cancel()
			<-ctx.Done()
			return errors.New("signal: terminated")
		}
		finish(t, j)
		return nil
	}), func(e Event) {
		if e.Phase == Stopped {
			stopped = append(stopped, e.Job.Seed)
		}
		if e.Phase == Failed {
			t.Errorf("job %d failed: %v", e.Job.Seed, e.Err)
		}
	})
	if !errors.Is(err, ErrInterrupted) || !cmp.Equal(stopped, []int64{2}) {
		t.Errorf("got %v, stopped %v", err, stopped)
	}

	// What was done is done; only a marker lies there, so there is no identity to read.
	list := plan(t, dir, 4)
	if list[0].State != runs.StateDone || list[1].State != runs.StatePending {
		t.Fatalf("states %s, %s", list[0].State, list[1].State)
	}
	list[0].Refused = nil
	var launched []int64
	err = Run(t.Context(), list, 1, fake(func(_ context.Context, j Job) error {
		launched = append(launched, j.Seed)
		return nil
	}), func(Event) {})
	if err != nil || !cmp.Equal(launched, []int64{2, 3, 4}) {
		t.Errorf("second call: %v, launched %v", err, launched)
	}
}

// TestJobInUseIsWaitedFor: a job that another process works on is neither started
// twice nor given up, and does not keep the others waiting.
func TestJobInUseIsWaitedFor(t *testing.T) {
	list := plan(t, t.TempDir(), 2)
	synctest.Test(t, func(t *testing.T) {
		calls := map[int64]int{}
		var phases []Phase
		err := Run(t.Context(), list, 1, fake(func(_ context.Context, j Job) error {
			calls[j.Seed]++
			if j.Seed == 1 && calls[j.Seed] == 1 {
				return fmt.Errorf("x: %w", ErrInUse)
			}
			if j.Seed == 1 && calls[j.Seed] == 2 {
				finish(t, j) // the other process ends
				return fmt.Errorf("x: %w", ErrInUse)
			}
			return nil
		}), func(e Event) { phases = append(phases, e.Phase) })
		if err != nil || calls[1] != 2 || calls[2] != 1 {
			t.Errorf("%v, calls %v", err, calls)
		}
		if want := []Phase{Started, Waiting, Started, Done, Started, Done}; !cmp.Equal(phases, want) {
			t.Errorf("phases %v, want %v", phases, want)
		}
	})
}

// A panic of a launcher stops the jobs that run, starts no more, and is the caller's.
func TestPanicStopsTheJobs(t *testing.T) {
	for _, parallel := range []int{1, 2} {
		jobs := plan(t, t.TempDir(), 5)
		var started, stopped atomic.Int32
		var got any
		func() {
			defer func() { got = recover() }()
			_ = Run(t.Context(), jobs, parallel, fake(func(ctx context.Context, j Job) error {
				if int(started.Add(1)) == parallel {
					panic("launcher")
				}
				<-ctx.Done()
				stopped.Add(1)
				return ctx.Err()
			}), func(Event) {})
		}()
		if p, ok := got.(*bug.Panic); !ok || p.Value != "launcher" {
			t.Errorf("parallel %d: Run panics with %#v", parallel, got)
		}
		if int(started.Load()) != parallel || int(stopped.Load()) != parallel-1 {
			t.Errorf("parallel %d: %d started, %d stopped", parallel, started.Load(), stopped.Load())
		}
	}
}
