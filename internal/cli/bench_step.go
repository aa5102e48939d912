package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dsconv/internal/bench"
)

type benchStepOptions struct {
	loadFlags
	json     bool
	variants []string
	rounds   int
	steps    int
}

func newCmdBenchStep(f *Factory) *cobra.Command {
	o := &benchStepOptions{}
	cmd := &cobra.Command{
		Use:   "step --config FILE",
		Short: "Time training steps of several variants in interleaved rounds",
		Long: `Time real training steps of a configuration with the short convolutions of each
variant in their place: none (base), static, low-rank dynamic after q, k and v
(dyn), head-wise (dynhw), and low-rank after every linear layer (dynall).

Variants take turns in rounds, so that what else the machine does hits all alike, and
every turn is a process of its own: where its memory happens to lie makes a process
some percent faster or slower. Times are medians. The floor is the time that the
step's matrix FLOPs take at the multiply-add peak, measured between the rounds.`,
		Example: `  dsconv bench step --config configs/bench-27m.yaml --variants base,static,dyn,dynhw
  dsconv bench step --config configs/tiny-dyn.yaml --rounds 3 --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.need(c, "configs/bench-27m.yaml"); err != nil {
				return err
			}
			if o.rounds < 1 || o.steps < 1 {
				return usagef("--rounds and --steps must be at least 1")
			}
			for i, name := range o.variants {
				if !slices.Contains(bench.VariantNames(), name) {
					return usagef("--variants %s is unknown: choose from %s", name, strings.Join(bench.VariantNames(), ", "))
				}
				if slices.Contains(o.variants[:i], name) {
					return usagef("--variants names %s twice", name)
				}
			}
			return benchStepRun(f, o)
		},
	}
	o.bind(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.Flags().StringSliceVar(&o.variants, "variants", bench.VariantNames(), "which to compare")
	cmd.Flags().IntVar(&o.rounds, "rounds", 5, "rounds")
	cmd.Flags().IntVar(&o.steps, "steps", 3, "steps of each variant in a round")
	return cmd
}

// newCmdBenchWorker is the process in which a variant is measured.
func newCmdBenchWorker(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:    "worker",
		Short:  "Measure one variant for bench step",
		Hidden: true,
		Args:   noArgs,
		RunE: func(*cobra.Command, []string) error {
			// A terminal interrupts all processes; this one ends when its input does.
			signal.Ignore(os.Interrupt)
			return bench.Serve(f.In, f.Out)
		},
	}
}

func benchStepRun(f *Factory, o *benchStepOptions) error {
	c, err := o.config()
	if err != nil {
		return err
	}
	variants, err := bench.Variants(c, o.variants)
	if err != nil {
		return err
	}
	s, err := f.measureSteps(context.Background(), bench.Plan{
		Name: c.Name, Variants: variants, Rounds: o.rounds, PerRound: o.steps,
		Told: func(round int, variant string, ms float64) {
			f.logf("round %d of %d: %-8s %8.1f ms a step", round+1, o.rounds, variant, ms)
		},
	})
	if err != nil {
		return err
	}
	if o.json {
		return f.printJSON(s)
	}
	printSteps(f.Out, s)
	return nil
}

// measureSteps measures with processes of this program, which end with ctx.
func (f *Factory) measureSteps(ctx context.Context, p bench.Plan) (bench.Steps, error) {
	self, err := f.Self()
	if err != nil {
		return bench.Steps{}, err
	}
	p.Start = func() (io.WriteCloser, io.Reader, func() error, error) {
		cmd := exec.CommandContext(ctx, self, "bench", "worker")
		cmd.Stderr = f.Err
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, nil, nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, nil, nil, err
		}
		return in, out, cmd.Wait, cmd.Start()
	}
	return bench.MeasureSteps(p)
}

func printSteps(out io.Writer, s bench.Steps) {
	fmt.Fprintf(out, "%s: %s, %d threads, multiply-add peak %.1f GFLOP/s; %d rounds of %d steps\n", s.Config, s.ISA, s.Threads, s.PeakGFLOPS, s.Rounds, s.PerRound)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "variant\tparameters\tms\tms min\ttokens/s\tto floor\tto base\tRSS MiB\tallocs\tKB\t")
	for _, v := range s.Variants {
		toBase := "-"
		if v.ToBase > 0 {
			toBase = fmt.Sprintf("%.3f", v.ToBase)
		}
		fmt.Fprintf(t, "%s\t%s\t%.1f\t%.1f\t%.0f\t%.3f\t%s\t%.0f\t%.0f\t%.1f\t\n", v.Variant, si(float64(v.Params)), v.Millis, v.Fastest, v.TokensPerS, v.ToFloor, toBase, v.PeakRSSMiB, v.Allocs, v.Bytes/1e3)
	}
	t.Flush()
	fmt.Fprintln(out, "\nms a step by operator")
	t = tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	var ops []string
	fmt.Fprint(t, "\t")
	for _, v := range s.Variants {
		fmt.Fprintf(t, "%s\t", v.Variant)
		for _, p := range v.Profile {
			if !slices.Contains(ops, p.Op) {
				ops = append(ops, p.Op)
			}
		}
	}
	fmt.Fprintln(t)
	for _, op := range ops {
		fmt.Fprintf(t, "%s\t", op)
		for _, v := range s.Variants {
			i := slices.IndexFunc(v.Profile, func(p bench.OpShare) bool { return p.Op == op })
			if i < 0 {
				fmt.Fprint(t, "-\t")
				continue
			}
			fmt.Fprintf(t, "%.1f\t", v.Profile[i].Millis)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}
