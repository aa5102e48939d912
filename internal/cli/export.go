package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dsconv/internal/runs"
)

func newCmdExport(f *Factory) *cobra.Command {
	var run, out string
	cmd := &cobra.Command{
		Use:   "export --run DIR --out FILE.safetensors",
		Short: "Write the weights of a run as one safetensors file",
		Long: `Write the weights of a run's newest good checkpoint as one safetensors file. Names
and shapes are those of testdata/golden/README.md: matrices are stored [in, out].
The file's metadata hold the step and the resolved configuration. In Python:

  from safetensors.torch import load_file
  weights = load_file("FILE.safetensors")`,
		Example: "  dsconv export --run runs/tiny-dyn-da09391b8cd8 --out tiny.safetensors",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case run == "":
				return usagef("no run: name its directory with --run; dsconv runs ls lists them")
			case out == "":
				return usagef("no file: name one with --out")
			}
			if _, err := f.readRun(run); err != nil {
				return err
			}
			if err := refuseFolder("export: --out", out); err != nil {
				return err
			}
			step, err := runs.Export(run, out, f.warn)
			if err != nil {
				return err
			}
			fmt.Fprintf(f.Out, "%s: weights of step %d of %s\n", out, step, run)
			return nil
		},
	}
	cmd.Flags().StringVar(&run, "run", "", "run directory")
	cmd.Flags().StringVar(&out, "out", "", "file to write; an older one is replaced")
	return cmd
}
