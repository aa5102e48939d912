package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/sweep"
)

// sweepJobs plans a sweep of one variant for each line of overlays.
func sweepJobs(t *testing.T, variants string) []sweep.Job {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sweep.yaml")
	if err := os.WriteFile(file, []byte("variants:\n"+variants), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := config.LoadSweep(file, "")
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := sweep.Plan(s, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestLargeJobsRunAlone(t *testing.T) {
	const small = "  a: {model: {dim: 32}}\n  b: {model: {dim: 64}}\n"
	for text, want := range map[string]int{
		small: min(kernels.Threads(), 2),
		small + "  c: {model: {dim: 2048, layers: 32}}\n":                        1,
		small + "  c: {task: {kind: text, files: [" + hollow(t, 1<<30) + "]}}\n": 1, // each holds the text
	} {
		if got := jobsAtATime(sweepJobs(t, text), 0); got != want {
			t.Errorf("%d jobs at a time, want %d of\n%s", got, want, text)
		}
	}
	if got := jobsAtATime(sweepJobs(t, small), 1<<20); got != 1 {
		t.Errorf("%d jobs at a time in a MiB, want 1", got)
	}
}

// TestSweepOnATerminal: the bar counts work, not jobs, and only failures and waits
// are worth a line of their own.
func TestSweepOnATerminal(t *testing.T) {
	jobs := sweepJobs(t, "  small: {train: {steps: 100}}\n  large: {train: {steps: 300}}\n  bad: {train: {steps: 1}}\n")
	var out bytes.Buffer
	w := newSweepProgress(&Factory{Err: &out, Terminal: true}, jobs)
	w.observe(sweep.Event{Job: jobs[0], Phase: sweep.Started, Total: 3})
	w.observe(sweep.Event{Job: jobs[0], Phase: sweep.Done, Took: time.Second, Done: 1, Total: 3})
	w.observe(sweep.Event{Job: jobs[2], Phase: sweep.Failed, Err: errors.New("loss NaN"), Done: 1, Failed: 1, Total: 3})
	w.observe(sweep.Event{Job: jobs[1], Phase: sweep.Started, Done: 1, Failed: 1, Total: 3})
	w.refresh()
	w.close()
	said := out.String()
	for _, want := range []string{"[2/3] FAILED   bad seed 1: loss NaN\n", "25% |", "2/3 jobs, 1 FAILED, large-s1"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %q", want, said)
		}
	}
	if strings.Contains(said, "done     small") {
		t.Errorf("a line for a job that is done, beside the bar: %q", said)
	}
	if got := w.failures[jobs[2].Dir]; got == nil {
		t.Error("the failure is forgotten")
	}
}

func TestSweepElsewhere(t *testing.T) {
	jobs := sweepJobs(t, "  a: {}\n")
	var out bytes.Buffer
	w := newSweepProgress(&Factory{Err: &out}, jobs)
	for _, e := range []sweep.Event{
		{Job: jobs[0], Phase: sweep.Started, Total: 1},
		{Job: jobs[0], Phase: sweep.Waiting, Total: 1},
		{Job: jobs[0], Phase: sweep.Stopped, Total: 1},
		{Job: jobs[0], Phase: sweep.Done, Took: 3 * time.Second, Done: 1, Total: 1},
	} {
		w.observe(e)
	}
	w.refresh()
	w.close()
	want := `[0/1] in use   a seed 1: another process works on it
[0/1] stopped  a seed 1: it goes on in the next call
[1/1] done     a seed 1 in 3s
1/1 jobs, 100 % of the work
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
