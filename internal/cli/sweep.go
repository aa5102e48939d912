package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dsconv/internal/bench"
	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/runs"
	"dsconv/internal/sweep"
)

// defaultSweep is what a bare `dsconv sweep` runs.
const defaultSweep = "configs/sweeps/default.yaml"

type sweepOptions struct {
	load   loadFlags
	preset string
	dir    string
	jobs   int
	dryRun bool
	asJSON bool
}

func newCmdSweep(f *Factory) *cobra.Command {
	var o sweepOptions
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Train every run of a sweep, skipping those that are done",
		Long: `Train the runs of a sweep: every variant at every point of its grid, seeds
included. Each run is a process with a directory of its own, named by variant, seed
and the hash of its resolved configuration. A second call skips what is done and
goes on with what was cut; a second one at the same time, here or on another machine
that shares the folder, takes runs that nobody works on. A run that fails is reported
at once and does not end the rest; exit code 6 says that there was one.

A profile is that of a run: a named overlay of the files that the sweep includes. A run
under a profile has another identity, and a directory of its own.

Without --config this is the ladder at its small preset (` + defaultSweep + `).
SIGINT, SIGTERM, SIGUSR1, and SIGHUP of a terminal that closes, are passed on: running
jobs save a checkpoint and stop.`,
		Example: `  dsconv sweep --dry-run
  dsconv sweep --config configs/sweeps/recall-varkey.yaml --jobs 2
  dsconv sweep --config configs/sweeps/default.yaml --preset day --set optim.lr=1e-3
  dsconv sweep --preset paper --profile cpu --dry-run`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return sweepRun(cmd.Context(), f, o) },
	}
	cmd.Flags().StringVarP(&o.load.file, "config", "c", "", "sweep file (default "+defaultSweep+")")
	o.load.bindOverlays(cmd)
	cmd.Flags().StringVar(&o.preset, "preset", "", "size preset of the sweep (default: the one that the file names)")
	cmd.Flags().StringVar(&o.dir, "dir", "", "directory of the runs (default: runs/NAME of the sweep)")
	cmd.Flags().IntVar(&o.jobs, "jobs", 0, "jobs at a time (default: one for each core while each needs less than 1 GiB, else one)")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "list the jobs and their states, and start none")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func sweepRun(ctx context.Context, f *Factory, o sweepOptions) error {
	if o.jobs < 0 {
		return usagef("--jobs must be at least 1, or 0 for as many as fit, got %d", o.jobs)
	}
	bare := o.load.file == ""
	if bare {
		o.load.file = defaultSweep
		if _, err := os.Stat(defaultSweep); err != nil {
			return usagef("sweep: %w; run it in the folder that holds configs, or name a sweep with --config", err)
		}
	}
	s, err := config.LoadSweep(o.load.file, o.preset, config.WithProfile(o.load.profile), config.WithSet(o.load.set))
	if err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = filepath.Join(f.RunRoot, s.Name)
	}
	if err := refuseFile("--dir", o.dir); err != nil {
		return err
	}
	jobs, err := sweep.Plan(s, o.dir)
	if err != nil {
		return err
	}
	if o.dryRun {
		return f.showJobs(collect(s, jobs, nil, o.dir), o.asJSON)
	}
	if bare {
		p, err := planSweep(s, nil)
		if err != nil {
			return err
		}
		printSweepPlan(f.Err, p)
	}
	failures, err := f.runJobs(ctx, jobs, o.jobs)
	if e := f.showJobs(collect(s, jobs, failures, o.dir), o.asJSON); e != nil {
		return e
	}
	var failed *sweep.FailedError
	switch {
	case errors.Is(err, sweep.ErrInterrupted):
		return withCode(err, exitInterrupted)
	case errors.As(err, &failed):
		return withCode(err, exitJobsFailed)
	}
	return err
}

// runJobs brings jobs to their ends, some at a time (0: as many as the machine takes), and
// says by directory what went wrong with those that failed.
func (f *Factory) runJobs(ctx context.Context, jobs []sweep.Job, atATime int) (failures map[string]error, err error) {
	self, err := f.Self()
	if err != nil {
		return nil, err
	}
	if atATime == 0 {
		atATime = jobsAtATime(jobs, bench.AvailableMemory())
	}
	ctx, stop := untilSignal(ctx)
	defer stop()
	w := newSweepProgress(f, jobs)
	defer w.close()
	err = sweep.Run(ctx, jobs, atATime, sweep.Local{Program: self, Threads: max(1, kernels.Threads()/atATime), InUse: exitInUse}, w.observe)
	return w.failures, err
}

// smallJob is the memory up to which a job shares the machine with others.
const smallJob = 1 << 30

// jobsAtATime is one job a core for small models, which run faster side by side
// on one thread each than one by one on all, as far as memory (0: unknown) holds them; a
// large one gets the whole machine.
func jobsAtATime(jobs []sweep.Job, memory int64) int {
	held := corpora{}
	largest := int64(1)
	for _, j := range jobs {
		corpus, _ := held.bytes(j.Config.Task) // a job whose files are not there says so itself
		largest = max(largest, planOf(j.Config).MemoryBytes+corpus)
	}
	n := min(kernels.Threads(), len(jobs))
	if largest >= smallJob {
		n = 1
	}
	if memory > 0 {
		n = int(min(int64(n), memory/largest))
	}
	return max(1, n)
}

// jobResult is a job as --json shows it.
type jobResult struct {
	Run      string            `json:"run"`
	Dir      string            `json:"dir"`
	Variant  string            `json:"variant"`
	Seed     int64             `json:"seed"`
	Axes     map[string]string `json:"axes,omitempty"`
	State    runs.State        `json:"state"`
	Error    string            `json:"error,omitempty"`
	Loss     *float64          `json:"loss,omitempty"` // of the last evaluation
	Accuracy *float64          `json:"accuracy,omitempty"`
	Seconds  float64           `json:"seconds,omitempty"` // of training
}

type sweepResult struct {
	Sweep           string      `json:"sweep"`
	Preset          string      `json:"preset,omitempty"`
	Profile         string      `json:"profile,omitempty"`
	ProfileSettings []string    `json:"profile_settings,omitempty"` // what it sets
	Dir             string      `json:"dir"`
	Done            int         `json:"done"`
	Failed          int         `json:"failed"`
	Total           int         `json:"total"`
	Jobs            []jobResult `json:"jobs"`
}

// resultOf reads what a job has come to.
func resultOf(j sweep.Job, failure error) jobResult {
	r := jobResult{Run: filepath.Base(j.Dir), Dir: j.Dir, Variant: j.Variant, Seed: j.Seed, State: j.State}
	for _, a := range j.Axes {
		if r.Axes == nil {
			r.Axes = map[string]string{}
		}
		r.Axes[a.Key] = a.Value
	}
	if failure == nil {
		failure = j.Refused
	}
	if failure != nil {
		r.State, r.Error = runs.StateFailed, failure.Error()
		return r
	}
	state, err := runs.StateOf(j.Dir)
	if err != nil || state == runs.StatePending {
		return r
	}
	r.State = state
	info, err := runs.Read(j.Dir)
	if err != nil {
		return r
	}
	if info.Last != nil {
		r.Seconds = info.Last.Seconds
	}
	if info.Eval != nil && !math.IsNaN(info.Eval.Loss) {
		r.Loss, r.Accuracy = &info.Eval.Loss, &info.Eval.Accuracy
	}
	return r
}

// collect reads what the jobs of a sweep in dir have come to.
func collect(s *config.Sweep, jobs []sweep.Job, failures map[string]error, dir string) sweepResult {
	out := sweepResult{Sweep: s.Name, Preset: s.Preset, Profile: s.Profile, ProfileSettings: s.ProfileSettings(), Dir: dir, Total: len(jobs)}
	for _, j := range jobs {
		r := resultOf(j, failures[j.Dir])
		switch r.State {
		case runs.StateDone:
			out.Done++
		case runs.StateFailed:
			out.Failed++
		}
		out.Jobs = append(out.Jobs, r)
	}
	return out
}

func (f *Factory) showJobs(r sweepResult, asJSON bool) error {
	if asJSON {
		return f.printJSON(r)
	}
	f.printJobs(r)
	return nil
}

// setting is where a job stands on the axes of its sweep, which its directory names by a
// hash only.
func (j jobResult) setting() string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(j.Axes)) {
		out = append(out, key+"="+j.Axes[key])
	}
	return strings.Join(out, " ")
}

func (f *Factory) printJobs(r sweepResult) {
	if r.Profile != "" {
		fmt.Fprintf(f.Out, "profile %s sets %s\n\n", r.Profile, strings.Join(r.ProfileSettings, " "))
	}
	w := tabwriter.NewWriter(f.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "state\tloss\taccuracy\ttime\tsetting\trun")
	for _, j := range r.Jobs {
		loss, accuracy, took := "", "", ""
		if j.Loss != nil {
			loss, accuracy = fmt.Sprintf("%.4f", *j.Loss), fmt.Sprintf("%.3f", *j.Accuracy)
		}
		if j.Seconds > 0 {
			took = durationText(j.Seconds)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", j.State, loss, accuracy, took, j.setting(), j.Run)
	}
	w.Flush()
	fmt.Fprintf(f.Out, "\n%s: %d of %d jobs done", r.Dir, r.Done, r.Total)
	if r.Failed > 0 {
		fmt.Fprintf(f.Out, ", %d failed", r.Failed)
	}
	fmt.Fprintln(f.Out)
	for _, j := range r.Jobs {
		if j.Error != "" {
			fmt.Fprintf(f.Out, "%s: %s\n", j.Run, j.Error)
		}
	}
}
