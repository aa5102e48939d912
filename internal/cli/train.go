package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dsconv/internal/config"
	"dsconv/internal/runs"
	"dsconv/internal/train"
)

type trainOptions struct {
	loadFlags
	runDir   string
	resume   bool
	quiet    bool
	otherISA bool
}

func newCmdTrain(f *Factory) *cobra.Command {
	o := &trainOptions{}
	cmd := &cobra.Command{
		Use:   "train --config FILE",
		Short: "Train one model, with checkpoints that survive whatever happens",
		Long: `Train the model of a configuration. The run directory holds everything: the
configuration as given and as resolved, metrics.jsonl, checkpoints, and DONE at
the end. A run that was stopped, killed or lost its machine goes on with --resume
from its newest good checkpoint, and ends with the same bits as one that was not.

SIGINT, SIGTERM, SIGUSR1 and SIGHUP (unless nohup has it ignored) save a checkpoint
after the step, or in the middle of an evaluation, and end with exit code 3; a second
signal ends at once, unless it is a SIGHUP.`,
		Example: `  dsconv train --config configs/tiny-dyn.yaml
  dsconv train --config configs/1b-dyn.yaml --set train.steps=10 --set seed=2
  dsconv train --config configs/1b-dyn.yaml --resume`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.need(c, "configs/tiny-dyn.yaml"); err != nil {
				return err
			}
			return trainRun(f, o)
		},
	}
	o.bind(cmd)
	cmd.Flags().StringVar(&o.runDir, "run-dir", "", "run directory (default: runs/NAME-HASH of the configuration)")
	cmd.Flags().BoolVar(&o.resume, "resume", false, "go on with the run in the directory, or start it where there is none")
	cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "print no progress")
	cmd.Flags().BoolVar(&o.otherISA, "other-isa", false, "resume although another instruction set gives other last bits")
	return cmd
}

// trainRun opens a run directory that is there before it builds the model: a run in use
// is refused at once. One that is not there is made after that: a model that cannot be
// built leaves nothing behind.
func trainRun(f *Factory, o *trainOptions) error {
	var given []byte
	c, err := o.config(config.WithGiven(&given))
	if err != nil {
		return err
	}
	if err := refuseFile("--run-dir", o.runDir); err != nil {
		return err
	}
	if err := fitsHere(c); err != nil {
		return withCode(fmt.Errorf("%s: %w", o.file, err), exitUsage)
	}
	dir := o.runDir
	if dir == "" {
		dir = filepath.Join(f.RunRoot, defaultRunName(c))
	}
	stop := f.watchSignals()
	defer stop.done()
	var t *train.Trainer
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := runs.CheckName(filepath.Base(dir)); err != nil {
			return trainError(err)
		}
		if t, err = train.New(c); err != nil {
			return withCode(err, exitUsage)
		}
	}
	r, err := runs.Open(dir, c, runs.Options{Given: given, Argv: os.Args, Version: Version, Resume: o.resume, OtherISA: o.otherISA, Warn: f.warn})
	if err != nil {
		return trainError(err)
	}
	defer r.Close()
	if s := r.Done(); s != nil {
		f.logf("run %s is complete already", dir)
		f.printResult(dir, s)
		return nil
	}
	switch {
	case o.quiet:
	case o.resume && r.Fresh():
		f.logf("run %s: nothing to resume, so it starts at step 1", dir)
	default:
		f.logf("run %s", dir)
	}
	if t == nil {
		if t, err = train.New(c); err != nil {
			return withCode(err, exitUsage)
		}
	}
	p := &progress{f: f, quiet: o.quiet, stop: stop}
	err = r.Train(t, p)
	p.ended()
	if err != nil {
		return trainError(err)
	}
	if done := r.Done(); done.Step < t.Steps && c.Train.TargetAccuracy > 0 && !o.quiet {
		f.logf("ended at step %d of %d: the validation accuracy reached train.target_accuracy %v", done.Step, t.Steps, c.Train.TargetAccuracy)
	}
	f.printResult(dir, r.Done())
	return nil
}

// warn tells of damage that was survived, quiet or not.
func (f *Factory) warn(err error) { f.logf("dsconv: warning: %v", err) }

// defaultRunName is the configuration's name, cut to leave room for its hash.
func defaultRunName(c *config.Config) string {
	name := c.Name
	if name == "" {
		name = "run"
	}
	return name[:min(len(name), 50)] + "-" + c.Hash()
}

// trainError gives an error of a run the exit code that the root help documents.
func trainError(err error) error {
	var inUse *runs.InUseError
	switch {
	case errors.As(err, &inUse):
		return withCode(err, exitInUse)
	case errors.Is(err, runs.ErrInterrupted):
		return withCode(err, exitInterrupted)
	case errors.Is(err, train.ErrNotFinite), errors.Is(err, train.ErrSkips):
		return withCode(err, exitBadNumbers)
	}
	return err
}

// printResult is what a complete run comes to, on one line.
func (f *Factory) printResult(dir string, s *runs.Summary) {
	text := fmt.Sprintf("%s: step %d  loss %.4f", dir, s.Step, s.Loss)
	if e := s.Eval; e != nil {
		text += fmt.Sprintf("  validation: loss %.4f  accuracy %.4f  solved %.4f", e.Loss, e.Accuracy, e.Solved)
		if e.Oracle == e.Oracle {
			text += fmt.Sprintf("  oracle %.4f", e.Oracle)
		}
	}
	fmt.Fprintln(f.Out, text)
}
