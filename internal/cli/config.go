package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newCmdConfig(f *Factory) *cobra.Command {
	var (
		load loadFlags
		hash bool
	)
	cmd := &cobra.Command{
		Use:   "config --config FILE",
		Short: "Print a configuration as it is resolved",
		Long: `Print every key of a configuration after its layers are merged: defaults, included
files, the file, its profile, DSCONV_ environment variables (DSCONV_TRAIN_STEPS=10
sets train.steps) and --set. What is printed is a configuration file again.

The identity of a run (--hash) leaves out what changes no number: its name and
labels, threads, checkpoints, and keys that other keys leave without effect.`,
		Example: `  dsconv config --config configs/2b-dyn.yaml --profile cpu
  dsconv config --config configs/tiny-dyn.yaml --set conv.rank=8 --hash`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := load.need(cmd, "configs/tiny-dyn.yaml"); err != nil {
				return err
			}
			c, err := load.config()
			if err != nil {
				return err
			}
			if hash {
				fmt.Fprintln(f.Out, c.Hash())
				return nil
			}
			data, err := c.YAML()
			if err != nil {
				return err
			}
			_, err = f.Out.Write(data)
			return err
		},
	}
	load.bind(cmd)
	cmd.Flags().BoolVar(&hash, "hash", false, "print only the identity that names a run")
	return cmd
}
