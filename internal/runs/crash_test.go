package runs

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"dsconv/internal/figure"
)

// TestCrashAtEveryOperation turns the machine off at every file-system operation
// of a run, loses all, none or some of what was not synced, and goes on.
func TestCrashAtEveryOperation(t *testing.T) {
	c := tiny()
	want, operations := uncut(t, c)
	r := rand.New(rand.NewPCG(4, 1))
	crashes, lost := 0, 0
	for at := 1; at <= operations; at++ {
		for _, l := range []loss{loseAll, loseNone, losePart, losePart} {
			m := newMemFS()
			m.crashAt = at
			before := &observer{}
			if _, err := work(m, c, before); !errors.Is(err, errCrashed) && before.saved != c.Train.Steps {
				t.Fatalf("operation %d: the crash was not noticed: %v", at, err)
			}
			after, m := &observer{from: complete}, m.crashed(l, r)
			steps, err := checkpointSteps(m)
			check(t, err)
			for _, s := range steps {
				if _, err := checkManifest(m, CheckpointName(s), c.Hash(), modelFile, optimizerFile); err != nil {
					t.Errorf("operation %d, loss %d: what is left of the checkpoint of step %d looks like one: %v", at, l, s, err)
				}
			}
			got := finished(t, m, c, after)
			crashes++
			if after.from != complete && after.from < before.saved {
				lost++
				t.Errorf("operation %d, loss %d: saved step %d, but went on from %d", at, l, before.saved, after.from)
			}
			for _, w := range after.warned {
				t.Errorf("operation %d, loss %d: %v", at, l, w)
			}
			same(t, "after a crash", got, want)
		}
	}
	figure.Log(t, "%d operations, %d crashes, %d checkpoints lost that were reported saved", operations, crashes, lost)
}

// TestCrashAfterLateEvaluation stops a run within its last evaluation and goes on.
// Wherever the machine is turned off then, a run that is marked as complete has all
// lines of its metrics, and one that is not ends the same.
func TestCrashAfterLateEvaluation(t *testing.T) {
	c := tiny()
	c.Train.EvalBatches = 3
	whole := &observer{}
	want := finished(t, newMemFS(), c, whole)
	late := func() *memFS {
		m := newMemFS()
		if _, err := work(m, c, &observer{stopAsk: whole.asked - 1}); !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		if newest, err := newestManifest(m); err != nil || newest.Step != c.Train.Steps || newest.Pending == nil || newest.Complete {
			t.Fatalf("not stopped within the last evaluation: %+v, %v", newest, err)
		}
		return m
	}
	r := rand.New(rand.NewPCG(4, 2))
	for at := 1; ; at++ {
		m := late()
		m.crashAt = m.ops + at
		_, err := work(m, c, &observer{})
		m = m.crashed(loseAll, r)
		if s, e := readSummary(m); e != nil || s != nil && s.Step != c.Train.Steps {
			t.Errorf("operation %d: %+v, %v", at, s, e)
		} else if list, e := readMetrics(m); s != nil && (e != nil || len(list) != c.Train.Steps) {
			t.Errorf("operation %d: complete, with %d lines of metrics: %v", at, len(list), e)
		}
		same(t, "after a crash", finished(t, m, c, &observer{}), want)
		if err == nil {
			return
		}
	}
}

// TestFaultAtEveryOperation lets every operation of a run fail, once or from then
// on, for want of space and from a broken disk; the run says so, keeps its last
// good checkpoint, and goes on when the disk works again.
func TestFaultAtEveryOperation(t *testing.T) {
	c := tiny()
	want, operations := uncut(t, c)
	faults := 0
	for at := 1; at <= operations; at++ {
		for _, fault := range []error{syscall.ENOSPC, syscall.EIO} {
			for _, sticky := range []bool{false, true} {
				m := newMemFS()
				m.failAt, m.fail, m.sticky = at, fault, sticky
				before := &observer{}
				_, err := work(m, c, before)
				faults++
				what := strings.Join(m.failed, ", ")
				var p *fs.PathError
				if !errors.Is(err, fault) || !errors.As(err, &p) {
					t.Fatalf("operation %d (%s): %v is not an error with a path", at, what, err)
				}
				if len(m.retried) > 0 {
					t.Errorf("operation %d (%s): synced again after a failure: %v", at, what, m.retried)
				}
				m.failAt, m.sticky = 0, false
				if steps, err := checkpointSteps(m); err != nil {
					t.Fatal(err)
				} else if before.saved > 0 {
					if _, err := checkManifest(m, CheckpointName(steps[0]), c.Hash(), modelFile, optimizerFile); err != nil || steps[0] < before.saved {
						t.Errorf("operation %d (%s): saved step %d, newest is %v: %v", at, what, before.saved, steps, err)
					}
				}
				same(t, "after "+what, finished(t, m, c, &observer{}), want)
			}
		}
	}
	figure.Log(t, "%d operations, %d faults, last good checkpoint readable every time", operations, faults)
}
