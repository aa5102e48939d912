//go:build unix

package cli

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dsconv/internal/figure"
	"dsconv/internal/runs"
)

// smallRun is a configuration whose steps take less than a millisecond; endless
// has so many of them that only a signal ends it.
const (
	smallRun = `
task: {kind: mqar, seq_len: 32, pairs: 4, vocab: 32}
model: {dim: 16, layers: 1, heads: 2, mlp_dim: 16}
conv: {kind: dynamic, rank: 2}
train: {steps: 2000, batch: 4, eval_every: 50, eval_batches: 1}
checkpoint: {every: 50, keep: 2}
`
	endless = "train.steps=100000000"
)

// program is dsconv as a process of its own: this test binary under that name.
type program struct {
	path, dir string
}

func newProgram(t *testing.T) program {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	p := program{dir: t.TempDir()}
	p.path = filepath.Join(p.dir, "dsconv")
	check(t, os.Symlink(self, p.path))
	check(t, os.WriteFile(filepath.Join(p.dir, "small.yaml"), []byte(smallRun), 0o600))
	return p
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// process is a dsconv that runs, with what it has said so far.
type process struct {
	*exec.Cmd
	lines chan string
	ended sync.WaitGroup
	said  bytes.Buffer
}

// start runs dsconv train on small.yaml.
func (p program) start(t *testing.T, args ...string) *process {
	t.Helper()
	c := &process{Cmd: exec.Command(p.path, append([]string{"train", "--config", "small.yaml"}, args...)...), lines: make(chan string, 1000)}
	c.Dir = p.dir
	out, err := c.StderrPipe()
	check(t, err)
	check(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // ended already, unless the test failed
	c.ended.Add(1)
	go func() {
		defer c.ended.Done()
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			fmt.Fprintln(&c.said, s.Text())
			select {
			case c.lines <- s.Text():
			default: // nobody waits for it
			}
		}
	}()
	return c
}

// await reads until a line has text in it.
func (c *process) await(t *testing.T, text string) {
	t.Helper()
	for line := range c.lines {
		if strings.Contains(line, text) {
			return
		}
	}
	t.Fatalf("the process ended without %q: %s", text, c.said.String())
}

// end waits for the process and returns its exit code, -1 if a signal killed it.
func (c *process) end() (code int, said string) {
	c.ended.Wait()
	_ = c.Wait() // the exit code tells
	return c.ProcessState.ExitCode(), c.said.String()
}

// training is the first line of a run that has begun to train.
const training = "step 1/"

// TestDoubleStart: one run, one process; a second is refused, and told by whom; a
// process that is killed frees its run.
func TestDoubleStart(t *testing.T) {
	p := newProgram(t)
	first := p.start(t, "--run-dir", "runs/a", "--set", endless)
	first.await(t, training)
	host, err := os.Hostname()
	check(t, err)
	began := time.Now()
	for _, args := range [][]string{{}, {"--resume"}} {
		code, said := p.start(t, append(args, "--run-dir", "runs/a", "--set", endless)...).end()
		if want := fmt.Sprintf("in use by process %d on host %s", first.Process.Pid, host); code != exitInUse || !strings.Contains(said, want) {
			t.Errorf("%v: exit code %d, %q; want %d and %q", args, code, said, exitInUse, want)
		}
	}
	took := time.Since(began) / 2
	if s, err := runs.StateOf(filepath.Join(p.dir, "runs/a")); err != nil || s != runs.StateRunning {
		t.Errorf("state %v, %v", s, err)
	}
	check(t, first.Process.Kill())
	first.end()
	third := p.start(t, "--run-dir", "runs/a", "--set", endless, "--resume")
	third.await(t, "tokens/s")
	check(t, third.Process.Signal(syscall.SIGTERM))
	if code, said := third.end(); code != exitInterrupted {
		t.Errorf("after kill -9: exit code %d, %q", code, said)
	}
	figure.Log(t, "a second process was refused after %v, start of the process included", took.Round(time.Millisecond))
}

// TestStartRace starts processes at once in a directory that does not exist:
// exactly one trains.
func TestStartRace(t *testing.T) {
	p := newProgram(t)
	var all []*process
	for range 4 {
		all = append(all, p.start(t, "--run-dir", "runs/a", "--set", endless))
	}
	var winners, losers []*process
	for _, c := range all {
		trains := false
		for line := range c.lines {
			if trains = strings.Contains(line, training); trains {
				break
			}
		}
		if trains {
			winners = append(winners, c)
		} else {
			losers = append(losers, c)
		}
	}
	if len(winners) != 1 {
		t.Fatalf("%d processes train in one directory", len(winners))
	}
	for _, c := range losers {
		if code, said := c.end(); code != exitInUse || !strings.Contains(said, "in use") {
			t.Errorf("exit code %d, %q", code, said)
		}
	}
	check(t, winners[0].Process.Kill())
	winners[0].end()
}

// TestSignals: each signal saves the step it found and ends with its own exit
// code; the run that goes on ends as one that was left alone.
func TestSignals(t *testing.T) {
	p := newProgram(t)
	if code, said := p.start(t, "--run-dir", "runs/whole").end(); code != 0 {
		t.Fatalf("exit code %d, %q", code, said)
	}
	want, err := runs.Metrics(filepath.Join(p.dir, "runs/whole"))
	check(t, err)
	dir := filepath.Join(p.dir, "runs/cut")
	stops := []int{}
	all := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGUSR1}
	if !nohup {
		all = append(all, syscall.SIGHUP)
	}
	for i, sig := range all {
		c := p.start(t, "--run-dir", "runs/cut", "--resume")
		c.await(t, "validation") // it has trained 50 steps more
		check(t, c.Process.Signal(sig))
		if code, said := c.end(); code != exitInterrupted || !strings.Contains(said, "interrupted at step") {
			t.Fatalf("signal %v: exit code %d, %q", sig, code, said)
		}
		if s, err := runs.StateOf(dir); err != nil || s != runs.StateInterrupted {
			t.Errorf("signal %v: state %v, %v", sig, s, err)
		}
		list, err := runs.Metrics(dir)
		check(t, err)
		last := list[len(list)-1].Step
		if len(list) != last || len(stops) > 0 && last <= stops[i-1] {
			t.Errorf("signal %v: %d lines up to step %d, after stops at %v", sig, len(list), last, stops)
		}
		if _, err := os.Stat(filepath.Join(dir, runs.CheckpointName(last), "manifest.json")); err != nil {
			t.Errorf("signal %v: the last step has no checkpoint: %v", sig, err)
		}
		stops = append(stops, last)
	}
	if code, said := p.start(t, "--run-dir", "runs/cut", "--resume").end(); code != 0 {
		t.Fatalf("exit code %d, %q", code, said)
	}
	got, err := runs.Metrics(dir)
	check(t, err)
	if i := slices.IndexFunc(got, func(m runs.Metric) bool { return m.Step > len(want) || m.Difference(want[m.Step-1]) != "" }); i >= 0 || len(got) != len(want) {
		t.Errorf("%d lines, want %d; the first that differs is %d", len(got), len(want), i)
	}
	figure.Log(t, "stopped by signals at steps %v of %d; all lines equal those of a run that was left alone", stops, len(want))
}

// TestSecondSignal: a second signal does not wait for the step. The step here is
// far longer than a test, so only an end at once ends it.
func TestSecondSignal(t *testing.T) {
	p := newProgram(t)
	c := p.start(t, "--run-dir", "runs/slow", "--set", "train.batch=200000", "--set", "train.micro_batch=4", "--set", "threads=1")
	c.await(t, "run runs/slow")
	check(t, c.Process.Signal(syscall.SIGTERM))
	c.await(t, "a second signal stops at once")
	check(t, c.Process.Signal(syscall.SIGTERM))
	if code, said := c.end(); code != exitAtOnce {
		t.Errorf("exit code %d, %q", code, said)
	}
}

// TestStopUnheard: a run whose log nobody reads any more, as when Ctrl-C ends the tee
// beside it, saves its checkpoint all the same.
func TestStopUnheard(t *testing.T) {
	p := newProgram(t)
	c := exec.Command(p.path, "train", "--config", "small.yaml", "--run-dir", "runs/a", "--set", endless)
	c.Dir = p.dir
	log, err := c.StderrPipe()
	check(t, err)
	check(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() }) // ended already, unless the test failed
	for s := bufio.NewScanner(log); s.Scan() && !strings.Contains(s.Text(), training); {
	}
	check(t, log.Close())
	check(t, c.Process.Signal(syscall.SIGINT))
	_ = c.Wait() // the exit code tells
	if code := c.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("%v; want exit code %d", c.ProcessState, exitInterrupted)
	}
	list, err := runs.Metrics(filepath.Join(p.dir, "runs/a"))
	check(t, err)
	if _, err := os.Stat(filepath.Join(p.dir, "runs/a", runs.CheckpointName(len(list)))); err != nil {
		t.Errorf("the last of %d steps has no checkpoint: %v", len(list), err)
	}
}

// TestHangup: a closing terminal sends more than one SIGHUP, of which none ends the run
// at once; and a run under nohup does not mind.
func TestHangup(t *testing.T) {
	if nohup {
		t.Skip("the tests themselves run under nohup")
	}
	p := newProgram(t)
	slow := []string{"--set", "train.batch=2000", "--set", "train.micro_batch=4", "--set", "threads=1"}
	c := p.start(t, append(slow, "--run-dir", "runs/a")...)
	c.await(t, training)
	check(t, c.Process.Signal(syscall.SIGHUP))
	c.await(t, "saving a checkpoint")
	check(t, c.Process.Signal(syscall.SIGHUP))
	if code, said := c.end(); code != exitInterrupted {
		t.Errorf("exit code %d, %q", code, said)
	}

	path := p.path
	p.path = filepath.Join(p.dir, "nohup.sh")
	check(t, os.WriteFile(p.path, []byte("#!/bin/sh\ntrap '' HUP\nexec "+path+" \"$@\"\n"), 0o700))
	c = p.start(t, "--run-dir", "runs/b", "--set", endless)
	c.await(t, training)
	check(t, c.Process.Signal(syscall.SIGHUP))
	c.await(t, "validation")
	check(t, c.Process.Signal(syscall.SIGTERM))
	if code, said := c.end(); code != exitInterrupted || strings.Contains(said, "hangup") {
		t.Errorf("under nohup: exit code %d, %q", code, said)
	}
}

// TestWorkThatEndsLeavesHangups: the next sweep of a study stops at a hangup, too.
func TestWorkThatEndsLeavesHangups(t *testing.T) {
	_, stop := untilSignal(t.Context())
	stop()
	for range 50 { // what the end of a context calls has a goroutine of its own
		if signal.Ignored(syscall.SIGHUP) && !nohup {
			t.Fatal("hangups are ignored after work that ended by itself")
		}
		time.Sleep(time.Millisecond)
	}
}
