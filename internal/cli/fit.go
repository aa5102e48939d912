package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dsconv/internal/report"
	"dsconv/internal/scaling"
)

// fitOptions are the flags of fit.
type fitOptions struct {
	points  string
	runs    string
	sweep   string
	base    string
	compute string
	asJSON  bool
}

func newCmdFit(f *Factory) *cobra.Command {
	var o fitOptions
	cmd := &cobra.Command{
		Use:   "fit",
		Short: "Fit a scaling law, and say how much compute each variant saves",
		Long: `Fit L(C) = E + A (k C)^-a to the losses of runs of several sizes. The variants
share E, A and a; k is a variant's compute advantage over base: it reaches with
compute C what base reaches with k C. Losses are compared by their logarithms with
Huber's loss; 95 % intervals come from a bootstrap over runs and seeds. Warnings
say where the points cannot carry the conclusion.

Points are the finished runs of a sweep below a folder, less those that were trained
with other settings than the rest, which are named; or the lines of a file with the
columns ` + strings.Join(scaling.Columns, ",") + `.`,
		Example: `  dsconv fit --runs runs/reproduce
  dsconv fit --points points.csv --base base
  dsconv fit --points points.csv --compute seconds --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return fitRun(f, o) },
	}
	cmd.Flags().StringVar(&o.points, "points", "", "file of points to fit, instead of runs")
	cmd.Flags().StringVar(&o.runs, "runs", f.RunRoot, "folder of the runs to fit")
	cmd.Flags().StringVar(&o.sweep, "sweep", "", "sweep whose runs are fitted (default: the only one that has a loss to fit)")
	cmd.Flags().StringVar(&o.base, "base", "base", "variant that the others are compared with")
	cmd.Flags().StringVar(&o.compute, "compute", "flops", "what counts as compute: flops or seconds")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func fitRun(f *Factory, o fitOptions) error {
	if o.compute != "flops" && o.compute != "seconds" {
		return usagef("--compute is %q; it is flops or seconds", o.compute)
	}
	points, err := f.fitPoints(o)
	if err != nil {
		return err
	}
	r, err := scaling.Fit(points, scaling.Options{Base: o.base, Seconds: o.compute == "seconds"})
	if err != nil && !slices.ContainsFunc(points, func(p scaling.Point) bool { return p.Variant == o.base }) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if o.asJSON {
		return f.printJSON(r)
	}
	printFit(f, r)
	return nil
}

func (f *Factory) fitPoints(o fitOptions) ([]scaling.Point, error) {
	if o.points == "" {
		if !isFolder(o.runs) {
			return nil, usagef("fit: %s is no folder of runs; dsconv sweep makes one, and --points takes a file of points", o.runs)
		}
		found, err := report.Load(o.runs)
		if err != nil {
			return nil, err
		}
		for _, u := range found.Others {
			f.leftOut(u)
		}
		if err := found.KeepComparable(); err != nil {
			return nil, err
		}
		for _, a := range found.Apart {
			f.logf("%s", a)
		}
		points, err := found.Points(o.sweep, o.compute == "seconds")
		if errors.Is(err, report.ErrWhichSweep) {
			return nil, usageError{err}
		}
		return points, err
	}
	file, err := os.Open(o.points)
	if err != nil {
		return nil, usagef("fit: --points: %w", err)
	}
	defer file.Close()
	points, err := scaling.ReadCSV(file, o.points, o.compute)
	if err != nil {
		return nil, usageError{err}
	}
	return points, nil
}

func printFit(f *Factory, r *scaling.Result) {
	fmt.Fprintf(f.Out, "%s\n%d points over %.2g decades of %s\n\n", r.Form, r.Points, r.Decades, r.Compute)
	w := tabwriter.NewWriter(f.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VARIANT\tE\tA\ta\tSIZES\tSEEDS\tADVANTAGE\t95 % INTERVAL")
	for i, c := range r.Fits {
		advantage, interval := "1", ""
		if i > 0 {
			a := r.Advantages[i-1]
			advantage = fmt.Sprintf("%.3f", a.Advantage)
			interval = report.Ratio(a.Low) + " to " + report.Ratio(a.High)
		}
		fmt.Fprintf(w, "%s\t%.4f\t%.4g\t%.4f\t%d\t%d\t%s\t%s\n", c.Variant, c.E, c.A, c.B, c.Sizes, c.Seeds, advantage, interval)
	}
	w.Flush()
	for _, g := range r.Grids {
		fmt.Fprintf(f.Out, "\n%s: L(N,T) = %.4f + %.4g/N^%.4f + %.4g/T^%.4f", g.Variant, g.E, g.A, g.ExpN, g.B, g.ExpT)
	}
	fmt.Fprintln(f.Out)
	for _, e := range r.Extrapolation {
		fmt.Fprintln(f.Out, e.Statement)
	}
	for _, doubt := range scaling.Doubts(r.Warnings) {
		f.logf("warning: %s", doubt)
	}
}
