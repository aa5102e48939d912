package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"dsconv/internal/runs"
)

func newCmdEval(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:     "eval",
		Short:   "Evaluate a trained run on examples it never saw",
		Example: "  dsconv eval recall\n  dsconv eval lm",
	}, newCmdEvalRecall(f), newCmdEvalLM(f))
}

// openEval loads a run of language modelling, or of recall; without a directory the
// newest finished one, and says which.
func (f *Factory) openEval(dir string, lm bool) (*trained, error) {
	command, other, what, example := "recall", "lm", "recall", "configs/tiny-dyn.yaml"
	if lm {
		command, other, what, example = "lm", "recall", "language model", "configs/tiny-lm-dyn.yaml"
	}
	var info runs.Info
	var err error
	if dir != "" {
		info, err = f.readRun(dir)
	} else {
		info, err = runs.Newest(f.RunRoot, func(i runs.Info) bool { return i.State == runs.StateDone && i.Config.Task.IsLM() == lm })
	}
	switch {
	case errors.Is(err, runs.ErrNone):
		return nil, usagef("eval %s: there is no finished %s run under %s. Train one with\n  dsconv train --config %s\nor name a run with --run DIR", command, what, f.RunRoot, example)
	case err != nil:
		return nil, err
	case info.Config.Task.IsLM() != lm:
		return nil, usagef("eval %s: run %s is of task %s; use dsconv eval %s --run %s", command, info.Dir, info.Config.Task.Kind, other, info.Dir)
	}
	t, err := f.loadTrained(info)
	if err != nil {
		return nil, err
	}
	f.logf("evaluating run %s, step %d", t.dir, t.step)
	return t, nil
}

// bindEval binds the flags that both evaluations have.
func bindEval(cmd *cobra.Command, dir *string, examples *int, asJSON *bool) {
	cmd.Flags().StringVar(dir, "run", "", "run directory (default: the newest finished run of this kind under runs)")
	cmd.Flags().IntVar(examples, "examples", 512, "examples of each setting, rounded up to whole batches")
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

func checkExamples(command string, n int) error {
	if n < 2 {
		return usagef("%s: --examples must be at least 2, got %d", command, n)
	}
	return nil
}
