package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/sweep"
)

// paperPreset is planned only: no machine that this starts on could run it.
const paperPreset = "paper"

type reproduceOptions struct {
	study   string
	preset  string
	dir     string
	jobs    int
	dryRun  bool
	noTrain bool
}

func newCmdReproduce(f *Factory) *cobra.Command {
	var o reproduceOptions
	cmd := &cobra.Command{
		Use:   "reproduce",
		Short: "Run the whole study, and end in a report",
		Long: `Train every run of the study, sweep after sweep; then, while nothing else runs, time
training steps of the variants in turns (DIR/step-times.json); and set the paper's
claims beside them: the table on the terminal, the page in DIR/report.html. What is
done is skipped, so a call that was stopped is made again. A preset is a size of the
study; "paper" is the paper's, and prints its plan and cost only.`,
		Example: `  dsconv reproduce
  dsconv reproduce --preset day --dir runs/day --jobs 2
  dsconv reproduce --preset day --dir runs/day --no-train
  dsconv reproduce --preset paper`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return reproduceRun(cmd.Context(), f, o) },
	}
	cmd.Flags().StringVar(&o.preset, "preset", "quick", "size of the study: quick, day or paper")
	cmd.Flags().StringVar(&o.dir, "dir", filepath.Join(f.RunRoot, "reproduce"), "folder of the runs and the report")
	cmd.Flags().IntVar(&o.jobs, "jobs", 0, "jobs at a time (default: one for each core while each needs less than 1 GiB, else one)")
	cmd.Flags().StringVar(&o.study, "study", "configs/study.yaml", "file that lists the sweeps")
	cmd.Flags().BoolVar(&o.noTrain, "no-train", false, "train nothing: time the steps if that was not done, and report on the runs that are there")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the plan, and train nothing")
	return cmd
}

func reproduceRun(ctx context.Context, f *Factory, o reproduceOptions) error {
	if o.jobs < 0 {
		return usagef("--jobs must be at least 1, or 0 for as many as fit, got %d", o.jobs)
	}
	if err := refuseFile("--dir", o.dir); err != nil {
		return err
	}
	st, err := readStudy(o.study)
	if err != nil {
		return err
	}
	sweeps, err := st.load(o.preset)
	if err != nil {
		return err
	}
	timed, given, err := st.timed()
	if err != nil {
		return err
	}
	if o.dryRun || o.preset == paperPreset {
		return f.printStudyPlan(sweeps, o.preset)
	}
	var jobs []sweep.Job
	for _, s := range sweeps {
		list, err := sweep.Plan(s, filepath.Join(o.dir, s.Name))
		if err != nil {
			return err
		}
		jobs = append(jobs, list...)
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return fmt.Errorf("reproduce: %w", err)
	}
	var failure error
	if !o.noTrain {
		f.logf("preset %s: %d runs in %s, %s", o.preset, len(jobs), o.dir, st.Presets[o.preset])
		_, failure = f.runJobs(ctx, jobs, o.jobs)
	}
	if errors.Is(failure, sweep.ErrInterrupted) {
		return withCode(failure, exitInterrupted)
	}
	var failed *sweep.FailedError
	if failure != nil && !errors.As(failure, &failed) {
		return failure
	}
	if timed != nil {
		err := f.timeSteps(ctx, timed, given, o.dir)
		if errors.Is(err, sweep.ErrInterrupted) {
			return withCode(err, exitInterrupted)
		}
		if err != nil {
			failure = errors.Join(failure, fmt.Errorf("reproduce: step times: %w", err))
		}
	}
	page := filepath.Join(o.dir, reportPage)
	r, err := newReport(o.dir, page)
	if err != nil {
		return err
	}
	f.showReport(r, page)
	return withCode(failure, exitJobsFailed)
}

// A cluster's card, to say what the paper's sizes cost: peak bfloat16 rate of an
// H100 SXM, of which training reaches about 40 %.
const (
	cardPeak  = 989e12
	cardShare = 0.4
)

// smallModelShare is the share of the multiply-add peak of all cores that models as small as
// the study's are trained at, a run on each core and all that a step does beside products:
// 42 % were measured on two cores of an EPYC (Zen 5), 49 % on two of a Xeon (Emerald Rapids).
const smallModelShare = 0.45

// printStudyPlan prints what a preset costs.
func (f *Factory) printStudyPlan(sweeps []*config.Sweep, preset string) error {
	total, jobs := 0.0, 0
	for _, s := range sweeps {
		p, err := planSweep(s, nil)
		if err != nil {
			return err
		}
		printSweepPlan(f.Out, p)
		fmt.Fprintln(f.Out)
		total += p.FLOPs
		jobs += p.Jobs
	}
	fmt.Fprintf(f.Out, "preset %s: %d runs, %.3g FLOPs", preset, jobs, total)
	if preset == paperPreset {
		fmt.Fprintf(f.Out, ": about %.0f days of one H100 at %.0f %% of its peak; planned only, train it on a cluster with dsconv sweep", total/(cardPeak*cardShare)/86400, 100*cardShare)
	} else {
		cores := kernels.Threads()
		peak := kernels.MeasurePeak(cores)
		fmt.Fprintf(f.Out, ": about %s of training at %.0f %% of the peak here (%.0f GFLOP/s, cores: %d)", durationText(total/(smallModelShare*peak*1e9)), 100*smallModelShare, peak, cores)
	}
	fmt.Fprintln(f.Out)
	return nil
}
