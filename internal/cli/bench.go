package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dsconv/internal/bench"
	"dsconv/internal/kernels"
)

func newCmdBench(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:     "bench",
		Short:   "Measure kernels and training steps on this machine",
		Example: "  dsconv bench kernels --only gemm",
	}, newCmdBenchKernels(f, nil), newCmdBenchStep(f), newCmdBenchWorker(f))
}

type benchKernelsOptions struct {
	JSON    bool
	Threads int
	Only    string
	Time    time.Duration
}

func newCmdBenchKernels(f *Factory, runF func(*benchKernelsOptions) error) *cobra.Command {
	o := &benchKernelsOptions{}
	cmd := &cobra.Command{
		Use:   "kernels",
		Short: "Time each kernel against the machine's peak and bandwidth",
		Long: `Time each kernel against the multiply-add peak and the triad bandwidth of this
machine, measured in the same run. Of the rounds of a kernel the fastest counts.

fraction_of_peak of a matrix product (M x K x N) is its share of the peak; of
another kernel, the share of whichever limit binds it. What stays in the cache can
be faster than memory.`,
		Example: `  dsconv bench kernels
  dsconv bench kernels --only "gemm nn" --threads 1 --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if o.Threads < 0 || o.Time <= 0 {
				return usagef("--threads must not be negative and --time must be positive")
			}
			if runF != nil {
				return runF(o)
			}
			return benchKernels(f, o)
		},
	}
	cmd.Flags().BoolVar(&o.JSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&o.Threads, "threads", 0, "threads; 0 means all processors")
	cmd.Flags().StringVar(&o.Only, "only", "", "only kernels whose name and shape contain these `words`")
	cmd.Flags().DurationVar(&o.Time, "time", 200*time.Millisecond, "how long to repeat each kernel")
	return cmd
}

func benchKernels(f *Factory, o *benchKernelsOptions) error {
	kernels.SetThreads(o.Threads)
	m := bench.MeasureKernels(o.Time, o.Only, func(k bench.Kernel) {
		if f.Terminal {
			f.logf("%-28s %-28s %8.3f ms", k.Name, k.Shape, k.Millis)
		}
	})
	if len(m.Kernels) == 0 {
		return usagef("no kernel has a name and shape with %q", o.Only)
	}
	if o.JSON {
		return f.printJSON(m)
	}
	printKernels(f.Out, m)
	return nil
}

func printKernels(out io.Writer, m bench.Kernels) {
	fmt.Fprintf(out, "%s, %d threads: multiply-add peak %.1f GFLOP/s, triad %.1f GB/s\n", m.ISA, m.Threads, m.PeakGFLOPS, m.TriadGBps)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "kernel\tshape\tms\tGFLOP/s\tGB/s\tof peak")
	rate := func(v float64) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", v)
	}
	for _, k := range m.Kernels {
		fmt.Fprintf(t, "%s\t%s\t%.4f\t%s\t%s\t%.0f%%\n", k.Name, k.Shape, k.Millis, rate(k.GFLOPS), rate(k.GBps), 100*k.Fraction)
	}
	t.Flush()
}
