package runs

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/figure"
	"dsconv/internal/train"
)

var kills = flag.Int("kills", 300, "how many times TestKill kills a training process")

// childVariable makes the test binary train in the directory that it names.
const childVariable = "DSCONV_TEST_RUN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// killed is the run that TestKill kills: a life of some ten milliseconds takes it
// a few checkpoints further.
func killed() *config.Config {
	c := tiny()
	c.Train.Steps, c.Train.EvalEvery = 60, 10
	c.Checkpoint.Every = 3
	return c
}

// child trains and says, line by line, what it has done.
func child(dir string) error {
	c := killed()
	r, err := Open(dir, c, Options{Resume: true, Warn: func(err error) { fmt.Println("warning", err) }})
	if err != nil {
		return err
	}
	defer r.Close()
	t, err := train.New(c)
	if err != nil {
		return err
	}
	return r.Train(t, teller{})
}

type teller struct{}

func (teller) Started(from, _ int)             { fmt.Println("from", from) }
func (teller) Stepped(m Metric)                { fmt.Println("step", m.Step) }
func (teller) Saved(step int, _ time.Duration) { fmt.Println("saved", step) }
func (teller) Stop() bool                      { return false }

// life is what a child told before its end.
type life struct {
	from, step, saved int // complete where it did not say
	warned            bool
	killed            bool
}

// live starts a child and kills it after a while, counted from its start or from
// its first step.
func live(t *testing.T, dir string, fromStep bool, after time.Duration) life {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	var timer *time.Timer
	arm := func() { timer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() }) }
	if !fromStep {
		arm()
	}
	l := life{from: complete, step: complete, saved: complete}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var what string
		var n int
		fmt.Sscan(lines.Text(), &what, &n)
		switch what {
		case "from":
			l.from = n
			if fromStep {
				arm()
			}
		case "step":
			l.step = n
		case "saved":
			l.saved = n
		case "warning":
			l.warned = true
			t.Error(lines.Text())
		}
	}
	err = cmd.Wait()
	if timer != nil {
		timer.Stop()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 {
		l.killed = true
	} else {
		check(t, err)
	}
	return l
}

// TestKill kills processes that train and write checkpoints, at random moments,
// and goes on until runs are complete.
func TestKill(t *testing.T) {
	c := killed()
	want := finished(t, newMemFS(), c, &observer{})
	r := rand.New(rand.NewPCG(9, 3))
	root := t.TempDir()
	count, ends, unreadable, redone := 0, 0, 0, 0
	for run := 0; count < *kills; run++ {
		dir := filepath.Join(root, fmt.Sprint("run-", run))
		step, saved := 0, 0
		for done := false; !done; {
			l := live(t, dir, r.IntN(5) > 0, time.Duration(r.Int64N(int64(60*time.Millisecond))))
			if l.from != complete {
				if l.from < saved {
					t.Fatalf("step %d was reported saved, but the run went on from %d", saved, l.from)
				}
				redone = max(redone, step-l.from)
				step, saved = max(l.from, l.step), max(l.from, l.saved)
			}
			done = !l.killed
			if l.killed {
				count++
				unreadable += brokenCheckpoints(t, dir, c)
			}
		}
		ends++
		same(t, "a run that was killed", endOf(t, dir, c), want)
		check(t, os.RemoveAll(dir))
	}
	if unreadable > 0 || redone > c.Checkpoint.Every {
		t.Errorf("%d unreadable checkpoints, %d steps redone at once with a checkpoint every %d", unreadable, redone, c.Checkpoint.Every)
	}
	figure.Log(t, "%d kills, %d unreadable checkpoints, at most %d steps redone (a checkpoint every %d), %d of %d ends equal bit for bit", count, unreadable, redone, c.Checkpoint.Every, ends, ends)
}

// brokenCheckpoints counts the checkpoints of a run that do not agree with their
// manifest.
func brokenCheckpoints(t *testing.T, dir string, c *config.Config) int {
	disk, err := openDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0 // killed before it could make the directory
	}
	check(t, err)
	defer disk.root.Close()
	steps, err := checkpointSteps(disk)
	check(t, err)
	n := 0
	for _, s := range steps {
		if _, err := checkManifest(disk, CheckpointName(s), c.Hash(), modelFile, optimizerFile); err != nil {
			t.Error(err)
			n++
		}
	}
	return n
}

// endOf reads what a complete run left on disk.
func endOf(t *testing.T, dir string, c *config.Config) end {
	t.Helper()
	if s, err := StateOf(dir); err != nil || s != StateDone {
		t.Fatalf("%s is %s: %v", dir, s, err)
	}
	m := arch.New(arch.SpecOf(c), false)
	_, err := LoadWeights(dir, m, func(err error) { t.Error(err) })
	check(t, err)
	list, err := Metrics(dir)
	check(t, err)
	return end{weights: slices.Clone(m.Weights), metrics: list}
}
