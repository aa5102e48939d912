//go:build unix

package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dsconv/internal/figure"
	"dsconv/internal/runs"
)

const killedSweep = `
sweep: killed
base:
  task: {kind: mqar, seq_len: 32, pairs: 4, vocab: 32}
  model: {dim: 16, layers: 1, heads: 2, mlp_dim: 16}
  train: {steps: 300, batch: 4, eval_every: 100, eval_batches: 1}
  checkpoint: {every: 20, keep: 2}
variants:
  static: {conv: {kind: static}}
  dyn: {conv: {kind: dynamic, rank: 2}}
grid: {seed: [1, 2]}
`

// newSweeper is a program that starts itself again, as a sweep does: a copy of this
// test binary, for the system resolves a link.
func newSweeper(t *testing.T) program {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	p := program{dir: t.TempDir()}
	p.path = filepath.Join(p.dir, "dsconv")
	in, err := os.Open(self)
	check(t, err)
	defer in.Close()
	out, err := os.OpenFile(p.path, os.O_CREATE|os.O_WRONLY, 0o700)
	check(t, err)
	_, err = io.Copy(out, in)
	check(t, err)
	check(t, out.Close())
	check(t, os.WriteFile(filepath.Join(p.dir, "sweep.yaml"), []byte(killedSweep), 0o600))
	return p
}

func (p program) sweep(dir string) *exec.Cmd {
	c := exec.Command(p.path, "sweep", "--config", "sweep.yaml", "--dir", dir, "--jobs", "2")
	c.Dir = p.dir
	return c
}

// TestSweepKilled kills a sweep with SIGKILL at random moments, with its jobs or
// without, and calls it again each time: the last call ends with every job once,
// and every metric and weight as if nothing had happened.
func TestSweepKilled(t *testing.T) {
	p := newSweeper(t)
	if out, err := p.sweep("whole").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const kills = 6
	orphans := 0
	for i := range kills {
		c := p.sweep("cut")
		check(t, c.Start())
		time.Sleep(time.Duration(50+rng.IntN(300)) * time.Millisecond)
		check(t, c.Process.Kill())
		_ = c.Wait() // it was killed
		if i%2 == 0 {
			orphans += p.killJobs(t, "cut")
		}
	}
	out, err := p.sweep("cut").CombinedOutput()
	if err != nil {
		t.Fatalf("last call: %v: %s", err, out)
	}
	whole, err := runs.List(filepath.Join(p.dir, "whole"))
	check(t, err)
	cut, err := runs.List(filepath.Join(p.dir, "cut"))
	check(t, err)
	if len(whole) != 4 || len(cut) != 4 {
		t.Fatalf("%d and %d runs, want 4", len(whole), len(cut))
	}
	for _, w := range whole {
		p.sameRun(t, w.Dir, filepath.Join(p.dir, "cut", filepath.Base(w.Dir)))
	}
	figure.Log(t, "%d kills of a sweep, %d of its jobs: 4 of 4 jobs done once, all metrics and weights equal bit for bit", kills, orphans)
}

// killJobs kills the jobs that outlived their sweep, and says how many there were.
func (p program) killJobs(t *testing.T, dir string) (n int) {
	t.Helper()
	locks, err := filepath.Glob(filepath.Join(p.dir, dir, "*", "lock"))
	check(t, err)
	for _, lock := range locks {
		state, err := runs.StateOf(filepath.Dir(lock))
		check(t, err)
		data, err := os.ReadFile(lock)
		check(t, err)
		var h runs.Holder
		// A file that is just being written names nobody yet.
		if state == runs.StateRunning && json.Unmarshal(data, &h) == nil && h.PID > 1 && syscall.Kill(h.PID, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// sameRun compares two complete runs: every line of metrics but its timing, and
// every byte of the last weights.
func (p program) sameRun(t *testing.T, a, b string) {
	t.Helper()
	if s, err := runs.StateOf(b); err != nil || s != runs.StateDone {
		t.Errorf("%s is %s, %v", b, s, err)
	}
	want, err := runs.Metrics(a)
	check(t, err)
	got, err := runs.Metrics(b)
	check(t, err)
	if len(got) != len(want) {
		t.Fatalf("%s has %d lines of metrics, want %d", b, len(got), len(want))
	}
	for i := range want {
		if d := got[i].Difference(want[i]); d != "" {
			t.Fatalf("%s: line %d: %s", b, i+1, d)
		}
	}
	last := want[len(want)-1].Step
	files, err := filepath.Glob(filepath.Join(a, runs.CheckpointName(last), "*.safetensors"))
	check(t, err)
	if len(files) == 0 {
		t.Fatalf("%s has no weights of step %d", a, last)
	}
	for _, file := range files {
		x, err := os.ReadFile(file)
		check(t, err)
		y, err := os.ReadFile(filepath.Join(b, runs.CheckpointName(last), filepath.Base(file)))
		check(t, err)
		if !bytes.Equal(x, y) {
			t.Errorf("%s of %s differs", filepath.Base(file), b)
		}
	}
}

// TestSweepHangup: a terminal that closes ends a sweep as a signal to stop does, though
// it sends more than one; its jobs save what they did.
func TestSweepHangup(t *testing.T) {
	if nohup {
		t.Skip("the tests themselves run under nohup")
	}
	p := newSweeper(t)
	c := p.sweep("cut")
	c.Args = append(c.Args, "--set", endless)
	check(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // ended already, unless the test failed
	saved := func() (n int) {
		list, err := filepath.Glob(filepath.Join(p.dir, "cut", "*", "checkpoints", "step-*"))
		check(t, err)
		return len(list)
	}
	for saved() == 0 {
		time.Sleep(time.Millisecond)
	}
	check(t, c.Process.Signal(syscall.SIGHUP))
	check(t, c.Process.Signal(syscall.SIGHUP))
	_ = c.Wait() // the exit code tells
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("%v; want exit code %d", c.ProcessState, exitInterrupted)
	}
	list, err := runs.List(filepath.Join(p.dir, "cut"))
	check(t, err)
	for _, info := range list {
		if info.State != runs.StateInterrupted {
			t.Errorf("%s is %s", info.Dir, info.State)
		}
	}
}
