package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dsconv/internal/tasks"
)

func newCmdData(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:     "data",
		Short:   "Look at the data of a task",
		Example: "  dsconv data show --config configs/tiny-dyn.yaml",
	}, newCmdDataShow(f))
}

type dataShowOptions struct {
	load   loadFlags
	split  string
	index  uint64
	count  int
	asJSON bool
}

func newCmdDataShow(f *Factory) *cobra.Command {
	var o dataShowOptions
	cmd := &cobra.Command{
		Use:   "show --config FILE",
		Short: "Print examples that a person can check",
		Long: `Print examples of a configuration's task: the tokens with the part they play, and
the labels under them. An example is a pure function of the seed, the split and
its index, so what is shown is what training sees.

In the output of --json a target of -100 is no label.`,
		Example: `  dsconv data show --config configs/tiny-dyn.yaml
  dsconv data show --config configs/tiny-dyn.yaml --set task.pairs=2 --split valid --index 7
  dsconv data show --config configs/tiny-lm-dyn.yaml --count 3 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.load.need(cmd, "configs/tiny-dyn.yaml"); err != nil {
				return err
			}
			return dataShowRun(f, o)
		},
	}
	o.load.bind(cmd)
	cmd.Flags().StringVar(&o.split, "split", "train", "train, valid or test")
	cmd.Flags().Uint64Var(&o.index, "index", 0, "number of the first example")
	cmd.Flags().IntVarP(&o.count, "count", "n", 1, "how many examples")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func dataShowRun(f *Factory, o dataShowOptions) error {
	split, err := tasks.ParseSplit(o.split)
	if err != nil {
		return usagef("--split %s: must be train, valid or test", o.split)
	}
	if o.count < 1 || o.count > 10000 {
		return usagef("--count must be from 1 to 10000, got %d", o.count)
	}
	c, err := o.load.config()
	if err != nil {
		return err
	}
	task, err := tasks.New(c.Task, c.Seed)
	if err != nil {
		return err
	}
	var all []tasks.Description
	for i := range uint64(o.count) {
		all = append(all, tasks.Describe(task, split, o.index+i))
	}
	if o.asJSON {
		return f.printJSON(all)
	}
	for i, d := range all {
		if i > 0 {
			fmt.Fprintln(f.Out)
		}
		fmt.Fprint(f.Out, d.Text(f.Width))
	}
	return nil
}
