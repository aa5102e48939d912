package runs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/figure"
	"dsconv/internal/tasks"
	"dsconv/internal/train"
)

// trainIn trains c in a directory on disk.
func trainIn(dir string, c *config.Config, o *observer) error {
	r, err := Open(dir, c, Options{Resume: true, Given: []byte("# mine\n"), Argv: []string{"dsconv", "train"}, Version: "test", Warn: o.warn})
	if err != nil {
		return err
	}
	defer r.Close()
	t, err := train.New(c)
	if err != nil {
		return err
	}
	return r.Train(t, o)
}

// TestStates walks a run through its states, as List and StateOf see them.
func TestStates(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "sweep", "one")
	want := func(s State) {
		t.Helper()
		if got, err := StateOf(dir); err != nil || got != s {
			t.Fatalf("state %q, want %q: %v", got, s, err)
		}
		list, err := List(root)
		check(t, err)
		if s == StatePending {
			if len(list) != 0 {
				t.Fatalf("a run that has not started is listed: %+v", list)
			}
			return
		}
		if len(list) != 1 || list[0].Err != nil || list[0].State != s || list[0].Dir != dir {
			t.Fatalf("listed %+v, want one run that is %s", list, s)
		}
	}
	c := tiny()
	want(StatePending)
	if err := trainIn(dir, c, &observer{stopAt: 3}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	want(StateInterrupted)

	r, err := Open(dir, c, Options{Resume: true})
	check(t, err)
	want(StateRunning)
	var inUse *InUseError
	if _, err := Open(dir, c, Options{Resume: true}); !errors.As(err, &inUse) || inUse.Holder.PID != os.Getpid() {
		t.Fatalf("opened twice: %v", err)
	}
	check(t, r.Close())
	want(StateInterrupted)

	disk, err := openDir(dir)
	check(t, err)
	check(t, writeMarker(disk, failedFile, Failure{Error: "no luck", Step: 3}))
	check(t, disk.root.Close())
	want(StateFailed)
	if err := trainIn(dir, c, &observer{stopAt: 5}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	want(StateInterrupted)
	check(t, trainIn(dir, c, &observer{}))
	want(StateDone)

	info, err := Read(dir)
	check(t, err)
	if info.Last.Step != c.Train.Steps || info.Eval == nil || info.Config.Hash() != c.Hash() || info.Record.Resumes != 2 {
		t.Errorf("%+v", info)
	}
	if given, err := os.ReadFile(filepath.Join(dir, givenFile)); err != nil || string(given) != "# mine\n" {
		t.Errorf("config.yaml is %q: %v", given, err)
	}
	newest, err := Newest(root, func(i Info) bool { return i.State == StateDone })
	if err != nil || newest.Dir != dir {
		t.Errorf("newest is %q: %v", newest.Dir, err)
	}
	if _, err := Newest(root, func(i Info) bool { return i.State == StateFailed }); !errors.Is(err, ErrNone) {
		t.Errorf("a failed run was found: %v", err)
	}
}

// A run that cannot be read does not hide the others.
func TestListBadRun(t *testing.T) {
	root := t.TempDir()
	check(t, trainIn(filepath.Join(root, "good"), tiny(), &observer{}))
	check(t, os.Mkdir(filepath.Join(root, "bad"), 0o700))
	check(t, os.WriteFile(filepath.Join(root, "bad", recordFile), []byte("{"), 0o600))
	list, err := List(root)
	check(t, err)
	if len(list) != 2 || list[0].Err == nil || list[1].Err != nil {
		t.Fatalf("%+v", list)
	}
	if list, err := List(filepath.Join(root, "none")); err != nil || len(list) != 0 {
		t.Errorf("a root that does not exist: %v, %v", list, err)
	}
}

// A run whose record alone is damaged or lost is read, and its weights are loaded, by
// what its newest checkpoint knows; whoever asks is told.
func TestReadWithoutRecord(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "run")
	c := tiny()
	check(t, trainIn(dir, c, &observer{}))
	file := filepath.Join(dir, recordFile)
	const want = "what matters of it is taken from the checkpoint of step 7"
	for name, damage := range map[string]func() error{
		"damaged": func() error { return os.WriteFile(file, []byte("{"), 0o600) },
		"lost":    func() error { return os.Remove(file) },
	} {
		check(t, damage())
		info, err := Read(dir)
		if err != nil || info.Record.Identity != c.Hash() || info.Started.IsZero() || info.State != StateDone || info.Damage == nil || !strings.Contains(info.Damage.Error(), want) {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
		var warned []error
		step, err := LoadWeights(dir, arch.New(arch.SpecOf(c), false), func(err error) { warned = append(warned, err) })
		if err != nil || step != 7 || len(warned) != 1 || !strings.Contains(warned[0].Error(), want) {
			t.Errorf("%s: step %d, warned %v, %v", name, step, warned, err)
		}
	}
}

// TestOpenRefusals: what is not a run, or leads elsewhere, is left alone.
func TestOpenRefusals(t *testing.T) {
	root := t.TempDir()
	other := t.TempDir()
	check(t, os.Symlink(other, filepath.Join(root, "link")))
	check(t, os.Mkdir(filepath.Join(root, "full"), 0o700))
	check(t, os.WriteFile(filepath.Join(root, "full", "notes.txt"), nil, 0o600))
	check(t, os.Mkdir(filepath.Join(root, "trap"), 0o700))
	victim := filepath.Join(other, "victim")
	check(t, os.WriteFile(victim, []byte("precious"), 0o600))
	check(t, os.Symlink(victim, filepath.Join(root, "trap", lockFile)))
	check(t, os.Mkdir(filepath.Join(root, "locked"), 0o700))
	theirs := filepath.Join(root, "locked", lockFile)
	check(t, os.WriteFile(theirs, []byte("precious"), 0o600))
	check(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o600))
	check(t, trainIn(filepath.Join(root, "run"), tiny(), &observer{}))
	check(t, trainIn(filepath.Join(root, "sprung"), tiny(), &observer{}))
	check(t, os.Remove(filepath.Join(root, "sprung", lockFile)))
	check(t, os.Symlink(victim, filepath.Join(root, "sprung", lockFile)))

	for name, want := range map[string]string{
		"link":   "path escapes from parent",
		"full":   "the directory holds notes.txt, but no run",
		"trap":   "the directory holds lock, but no run",
		"locked": "the directory holds lock, but no run",
		"sprung": "path escapes from parent",
		"file":   "not a directory",
		"run":    "there is a run in it already",
		"-rf":    `run name "-rf"`,
	} {
		if _, err := Open(filepath.Join(root, name), tiny(), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "precious" {
		t.Errorf("a link was followed: %q, %v", data, err)
	}
	if data, err := os.ReadFile(theirs); err != nil || string(data) != "precious" {
		t.Errorf("another's file called lock was written: %q, %v", data, err)
	}
	if list, err := os.ReadDir(filepath.Join(root, "full")); err != nil || len(list) != 1 {
		t.Errorf("a refused folder was written to: %v, %v", list, err)
	}
	if list, err := os.ReadDir(other); err != nil || len(list) != 1 {
		t.Errorf("files outside the root: %v, %v", list, err)
	}
}

// TestCorpusChanged: text of which one byte was changed between is refused, though the
// first examples do not have it; a run of a version that did not look goes on.
func TestCorpusChanged(t *testing.T) {
	root := t.TempDir()
	c := tiny()
	file := filepath.Join(root, "train.txt")
	text := bytes.Repeat([]byte("some text to read. "), 5000)
	check(t, os.WriteFile(file, text, 0o600))
	for i := range 8 { // some are held out
		check(t, os.WriteFile(filepath.Join(root, fmt.Sprint(i, ".txt")), text[:100], 0o600))
	}
	c.Task = config.Task{Kind: "text", SeqLen: 8, Files: []string{filepath.Join(root, "*.txt")}, ValidFraction: 0.5}
	c.Model.Vocab = 256
	dir := filepath.Join(root, "run")
	if err := trainIn(dir, c, &observer{stopAt: 3}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	disk, err := openDir(dir)
	check(t, err)
	defer disk.root.Close()
	began, err := readRecord(disk)
	check(t, err)
	text[len(text)/2] ^= 1
	check(t, os.WriteFile(file, text, 0o600))
	task, err := tasks.New(c.Task, c.Seed)
	check(t, err)
	if fingerprint(task) != began.Data {
		t.Fatal("the first examples changed: the test says nothing")
	}
	var refused Refusal
	if err := trainIn(dir, c, &observer{}); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the files of task text are not those that the run was started with") {
		t.Errorf("got %v", err)
	}
	began.Corpus = ""
	check(t, writeRecord(disk, began))
	check(t, trainIn(dir, c, &observer{}))
}

// TestNoPermission: a checkpoint that may not be read ends the run, for starting
// again would throw it away.
func TestNoPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := filepath.Join(t.TempDir(), "run")
	if err := trainIn(dir, tiny(), &observer{stopAt: 4}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	file := filepath.Join(dir, CheckpointName(4), modelFile)
	check(t, os.Chmod(file, 0))
	err := trainIn(dir, tiny(), &observer{})
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), file) {
		t.Errorf("got %v, want a refusal that names %s", err, file)
	}
	check(t, os.Chmod(file, 0o600))
	check(t, trainIn(dir, tiny(), &observer{}))
}

// TestThreadsAndResume: neither the number of threads nor a resume after any step
// changes a bit of what is logged and saved.
func TestThreadsAndResume(t *testing.T) {
	for _, moments := range []string{"float32", "bf16"} {
		c := tiny()
		c.Memory.Moments = moments
		want, _ := uncut(t, c)
		for stop := range c.Train.Steps {
			m := newMemFS()
			d := c.Clone()
			d.Threads = 1 + stop%2
			if stop > 0 {
				if tr, err := work(m, d, &observer{stopAt: stop}); !errors.Is(err, ErrInterrupted) || tr.Step != stop {
					t.Fatalf("stopped after step %d instead of %d: %v", tr.Step, stop, err)
				}
			}
			d.Threads = 2
			same(t, moments, finished(t, m, d, &observer{}), want)
		}
	}
}

// TestSecondsAddUp: the time of training counts on over all processes of a run.
func TestSecondsAddUp(t *testing.T) {
	m, c, last := newMemFS(), tiny(), 0.0
	c.Train.EvalEvery = 0
	for step := 1; step <= c.Train.Steps; step++ {
		if _, err := work(m, c, &observer{stopAt: step}); step < c.Train.Steps && !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		list, err := readMetrics(m)
		check(t, err)
		if got := list[len(list)-1]; got.Step != step || got.Seconds <= last {
			t.Fatalf("step %d after %v s, the one before after %v s", got.Step, got.Seconds, last)
		}
		last = list[len(list)-1].Seconds
	}
}

// TestBadEndIsKept: a run that stops by itself keeps the weights of its last good step.
func TestBadEndIsKept(t *testing.T) {
	for _, c := range []struct {
		sigma float64
		want  error
		step  int
	}{{0, train.ErrNotFinite, 3}, {8, train.ErrSkips, 3 + 2}} {
		cfg := tiny()
		cfg.Checkpoint.Every, cfg.Train.EvalEvery, cfg.Optim.SpikeSigma, cfg.Optim.MaxSkips = 0, 0, c.sigma, 2
		m := newMemFS()
		r, err := openOn(m, "/disk/run", cfg, Options{})
		check(t, err)
		tr, err := train.New(cfg)
		check(t, err)
		if err := r.Train(tr, &spoiler{trainer: tr, at: 3}); !errors.Is(err, c.want) {
			t.Errorf("got %v, want %v", err, c.want)
		}
		if newest, err := newestManifest(m); err != nil || newest.Step != c.step || newest.Complete {
			t.Errorf("%v: the newest checkpoint is %+v, %v", c.want, newest, err)
		}
	}
}

// spoiler makes a weight infinite after a step.
type spoiler struct {
	observer
	trainer *train.Trainer
	at      int
}

func (s *spoiler) Stepped(m Metric) {
	if m.Step == s.at {
		s.trainer.Model.Weights[0] = float32(math.Inf(1))
	}
}

// TestStopAnywhere stops a run at every place where it asks, between the batches
// of an evaluation as well; the run that goes on logs the same lines.
func TestStopAnywhere(t *testing.T) {
	c := tiny()
	c.Train.EvalEvery, c.Train.EvalBatches = 3, 3
	whole := &observer{}
	m := newMemFS()
	want := finished(t, m, c, whole)
	inEvaluation := 0
	for ask := 1; ask < whole.asked; ask++ {
		m := newMemFS()
		if _, err := work(m, c, &observer{stopAsk: ask}); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("asked %d times: %v", ask, err)
		}
		newest, err := newestManifest(m)
		check(t, err)
		if newest.Pending != nil {
			inEvaluation++
		}
		// Once more, while the evaluation is caught up on.
		if _, err := work(m, c, &observer{stopAsk: 2}); err != nil && !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		same(t, "stopped", finished(t, m, c, &observer{}), want)
	}
	if inEvaluation == 0 {
		t.Error("no stop came during an evaluation")
	}
	figure.Log(t, "stopped at %d places, %d of them within an evaluation; every end equal bit for bit", whole.asked-1, inEvaluation)
}

// TestEarlyEnd: a run that reached its target is complete, also if it died before
// it could say so.
func TestEarlyEnd(t *testing.T) {
	c := tiny()
	c.Train.TargetAccuracy = 1e-9
	c.Train.Steps, c.Train.EvalBatches = 40, 50
	m := newMemFS()
	want := finished(t, m, c, &observer{})
	if n := len(want.metrics); n >= c.Train.Steps {
		t.Fatalf("not one of 200 labels was right in %d steps", n)
	}
	delete(m.root.entries, doneFile)
	o := &observer{from: complete}
	same(t, "early end", finished(t, m, c, o), want)
	if o.from != complete || m.find(doneFile) == nil {
		t.Errorf("it went on from step %d", o.from)
	}
}

// TestKeep: the newest checkpoints stay, and nothing of older ones.
func TestKeep(t *testing.T) {
	for keep := 1; keep <= 3; keep++ {
		c := tiny()
		c.Checkpoint.Every, c.Checkpoint.Keep = 1, keep
		m := newMemFS()
		finished(t, m, c, &observer{})
		var names []string
		list, err := m.List(checkpointDir)
		check(t, err)
		for _, e := range list {
			names = append(names, e.Name)
		}
		if want := []string{"step-5", "step-6", "step-7"}[3-keep:]; !slices.Equal(names, want) {
			t.Errorf("keep %d: %v, want %v", keep, names, want)
		}
	}
}

// TestCheckpointCost measures what checkpoints cost the tiny configuration of
// configs/ at its default interval. It asserts no time, for disks differ.
func TestCheckpointCost(t *testing.T) {
	c, err := config.Load("../../configs/tiny-dyn.yaml", config.WithSet([]string{"train.steps=60", "train.target_accuracy=0"}))
	check(t, err)
	o := &cost{start: time.Now()}
	r, err := Open(filepath.Join(t.TempDir(), "run"), c, Options{})
	check(t, err)
	defer r.Close()
	tr, err := train.New(c)
	check(t, err)
	check(t, r.Train(tr, o))
	took := time.Since(o.start)
	if o.count == 0 || o.saving <= 0 || o.saving >= took {
		t.Errorf("%d checkpoints took %v of %v", o.count, o.saving, took)
	}
	figure.Log(t, "%d checkpoints in %d steps took %.2f %% of %v", o.count, c.Train.Steps, 100*o.saving.Seconds()/took.Seconds(), took.Round(time.Millisecond))
}

type cost struct {
	observer
	start  time.Time
	saving time.Duration
	count  int
}

func (c *cost) Saved(_ int, took time.Duration) { c.count++; c.saving += took }

// TestReadWhileRunning reads weights, metrics and state of a run that writes and
// deletes checkpoints all the time: nothing looks damaged.
func TestReadWhileRunning(t *testing.T) {
	c := tiny()
	c.Train.Steps, c.Checkpoint.Every, c.Checkpoint.Keep = 60, 1, 1
	dir := filepath.Join(t.TempDir(), "run")
	if err := trainIn(dir, c, &observer{stopAt: 1}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- trainIn(dir, c, &observer{}) }()
	m := arch.New(arch.SpecOf(c), false)
	for reads, last := 0, 0; ; reads++ {
		select {
		case err := <-ended:
			check(t, err)
			if reads == 0 {
				t.Error("the run ended before it was read")
			}
			figure.Log(t, "%d reads of a run that went on meanwhile, none of them damaged", reads)
			return
		default:
		}
		step, err := LoadWeights(dir, m, func(err error) { t.Error(err) })
		check(t, err)
		if step < last {
			t.Errorf("step %d after step %d", step, last)
		}
		last = step
		_, err = Metrics(dir)
		check(t, err)
		if info, err := Read(dir); err != nil || info.State != StateRunning && info.State != StateDone && info.State != StateInterrupted {
			t.Errorf("%s: %v", info.State, err)
		}
	}
}

// TestLargeMetrics: a run whose metrics no longer fit into memory goes on, is shown and
// says how far it is; who wants all of its lines is told what to do.
func TestLargeMetrics(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := trainIn(dir, tiny(), &observer{stopAt: 4}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	file := filepath.Join(dir, metricsFile)
	check(t, os.Truncate(file, maxMetrics+1)) // what follows is torn
	if _, err := Metrics(dir); err == nil || !strings.Contains(err.Error(), "metrics.jsonl has 512 MiB, more than the 512 MiB that fit into memory here: dsconv runs show") {
		t.Errorf("got %v", err)
	}
	if info, err := Read(dir); err != nil || info.Last == nil || info.Last.Step != 4 {
		t.Errorf("%+v, %v", info.Last, err)
	}
	check(t, trainIn(dir, tiny(), &observer{}))
	want, _ := uncut(t, tiny())
	same(t, "cut", endOf(t, dir, tiny()), want)
}

// TestProgress: the last whole line says how far a run is, whatever follows it.
func TestProgress(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := Progress(dir); err == nil {
		t.Error("a run without a folder has a step")
	}
	check(t, os.Mkdir(dir, 0o700))
	line := func(step int) string { return string(Metric{Step: step}.appendTo(nil)) }
	for text, want := range map[string]int{
		"":                                0,
		`{"step":`:                        0,
		line(1):                           1,
		line(1) + `{"step":2`:             1,
		strings.Repeat(line(3), 1000):     3,
		strings.Repeat(line(3), 1e3)[:90]: 0,
		"no line\n" + line(4):             4,
	} {
		check(t, os.WriteFile(filepath.Join(dir, metricsFile), []byte(text), 0o600))
		if got, err := Progress(dir); err != nil || got != want {
			t.Errorf("%.40q: step %d, %v; want %d", text, got, err, want)
		}
	}
	check(t, os.Remove(filepath.Join(dir, metricsFile)))
	if got, err := Progress(dir); err != nil || got != 0 {
		t.Errorf("without metrics: step %d, %v", got, err)
	}
}
