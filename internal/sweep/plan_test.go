package sweep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dsconv/internal/runs"
	"dsconv/internal/train"
)

// silent watches a run without a word.
type silent struct{ stopAt int }

func (silent) Started(int, int)         {}
func (*silent) Stepped(runs.Metric)     {}
func (silent) Saved(int, time.Duration) {}
func (silent) Warn(error)               {}
func (s *silent) Stop() bool            { s.stopAt--; return s.stopAt == 0 }

// trainJob runs a job in this process, to its end or for some steps.
func trainJob(t *testing.T, j Job, steps int) {
	t.Helper()
	r, err := runs.Open(j.Dir, j.Config, runs.Options{Resume: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tr, err := train.New(j.Config)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Train(tr, &silent{steps}); err != nil && steps == 0 {
		t.Fatal(err)
	}
}

// TestStatesComeFromTheDirectories plans again after real runs: done, interrupted,
// running, moved and edited ones.
func TestStatesComeFromTheDirectories(t *testing.T) {
	dir := t.TempDir()
	list := plan(t, dir, 5)
	trainJob(t, list[0], 0)
	trainJob(t, list[1], 1)
	// A run that was put into another's place.
	trainJob(t, list[4], 0)
	if err := os.Rename(list[4].Dir, list[2].Dir); err != nil {
		t.Fatal(err)
	}
	// A run whose configuration was edited.
	trainJob(t, list[3], 0)
	file := filepath.Join(list[3].Dir, "resolved.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(string(data), "lr: 0.001", "lr: 0.002", 1)
	if edited == string(data) {
		t.Fatal("nothing to edit")
	}
	if err := os.WriteFile(file, []byte(edited), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := runs.Open(list[4].Dir, list[4].Config, runs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()

	again := plan(t, dir, 5)
	for i, want := range []struct {
		state   runs.State
		refused string
	}{
		{runs.StateDone, ""},
		{runs.StateInterrupted, ""},
		{runs.StateDone, "holds a run of identity " + list[4].Config.Hash() + ", but the job is " + list[2].Config.Hash()},
		{runs.StateDone, ", but the job is " + list[3].Config.Hash()},
		{runs.StateRunning, ""},
	} {
		j := again[i]
		if j.State != want.state {
			t.Errorf("job %d is %s, want %s", i, j.State, want.state)
		}
		if (j.Refused == nil) != (want.refused == "") || j.Refused != nil && !strings.Contains(j.Refused.Error(), want.refused) {
			t.Errorf("job %d: refused %v, want %q", i, j.Refused, want.refused)
		}
	}
}

// A run that is damaged is its job's to mend: only another's is refused.
func TestDamagedRunsAreGoneOnWith(t *testing.T) {
	const damages = 6
	dir := t.TempDir()
	list := plan(t, dir, damages)
	for i, j := range list {
		trainJob(t, j, i%2) // the jobs at odd places are interrupted
	}
	in := func(i int, name string) string { return filepath.Join(list[i].Dir, name) }
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(in(0, "DONE"), "{\n  \"step\": 2")
	write(in(1, "metrics.jsonl"), strings.Repeat("\x00", 200)+"\n\n")
	write(in(2, "resolved.yaml"), "")
	write(in(3, "FAILED"), "")
	write(in(4, "DONE"), "")
	write(in(5, "run.json"), "")
	if err := os.RemoveAll(in(5, "checkpoints")); err != nil {
		t.Fatal(err)
	}
	again := plan(t, dir, damages)
	for i, want := range []runs.State{runs.StateInterrupted, runs.StateInterrupted, runs.StateDone, runs.StateFailed, runs.StateInterrupted, runs.StateInterrupted} {
		if j := again[i]; j.State != want || j.Refused != nil {
			t.Errorf("job %d is %s, refused %v; want %s", i, j.State, j.Refused, want)
		}
		trainJob(t, again[i], 0)
	}
	for i, j := range plan(t, dir, damages) {
		if j.State != runs.StateDone || j.Refused != nil {
			t.Errorf("job %d, gone on with: it is %s, refused %v", i, j.State, j.Refused)
		}
	}
}
