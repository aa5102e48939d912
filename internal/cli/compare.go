package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dsconv/internal/report"
)

type compareOptions struct {
	dirs   []string
	base   string
	asJSON bool
}

func newCmdRunsCompare(f *Factory) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare DIR...",
		Short: "Compare runs: settings that differ, metrics, differences over seeds",
		Long: `Compare the finished runs in and below the folders. Runs that differ in their seed
only form a group. The first table shows the settings in which groups differ beside
their metrics, median (lowest to highest) over seeds; the second each group's
difference from the first, paired over the seeds that both have: mean with its 95 %
interval, and in words whether it is more than noise, and how many more seeds would
settle it. The test is exact, at 5 % for each direction: of groups that do not differ,
up to one in ten is called higher or lower.`,
		Example: `  dsconv runs compare runs/reproduce/recall-varkey
  dsconv runs compare runs/a runs/b --json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s takes run directories, or folders of them", c.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o.dirs = args
			return compareRun(f, o)
		},
	}
	cmd.Flags().StringVar(&o.base, "base", "", "group that the others are compared with (default: base, or the first)")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func compareRun(f *Factory, o compareOptions) error {
	var all []*report.Run
	for _, dir := range o.dirs {
		if err := refuseFile("runs: compare:", dir); err != nil {
			return err
		}
		found, err := report.Load(dir)
		if err != nil {
			return err
		}
		for _, u := range found.Others {
			f.leftOut(u)
		}
		for _, r := range found.Runs {
			if !slices.ContainsFunc(all, func(have *report.Run) bool { return have.Dir == r.Dir }) {
				all = append(all, r)
			}
		}
	}
	if len(all) == 0 {
		return usagef("runs: compare: no finished run in %s", strings.Join(o.dirs, ", "))
	}
	c, err := report.Compare(all, o.base)
	if err != nil {
		return usageError{err}
	}
	if o.asJSON {
		return f.printJSON(c)
	}
	var shown []string // metrics that some group has
	for _, m := range report.Measures {
		if slices.ContainsFunc(c.Groups, func(g report.Group) bool { _, ok := g.Metrics[m]; return ok }) {
			shown = append(shown, m)
		}
	}
	columns := c.Settings
	if len(columns) > mostColumns {
		columns = nil // they get a table of their own
	}
	w := tabwriter.NewWriter(f.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "GROUP\tSEEDS\tPARAMS\t%s\n", strings.Join(append(slices.Clone(columns), upper(shown)...), "\t"))
	for _, g := range c.Groups {
		fmt.Fprintf(w, "%s\t%d\t%s", g.Name, len(g.Seeds), si(g.Params))
		for _, k := range columns {
			fmt.Fprintf(w, "\t%s", orDash(g.Settings[k]))
		}
		for _, m := range shown {
			fmt.Fprintf(w, "\t%s", orDash(g.Metrics[m].Text))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	if len(c.Settings) > mostColumns {
		f.printSettings(c)
	}
	for _, g := range c.Groups[1:] {
		if g.Task != c.Groups[0].Task && !slices.ContainsFunc(c.Differences, func(d report.Difference) bool { return d.Of == g.Name }) {
			f.logf("%s is of task %s, %s of task %s: their numbers are not compared", g.Name, g.Task, c.Groups[0].Name, c.Groups[0].Task)
		}
	}
	if len(c.Differences) == 0 {
		return nil
	}
	fmt.Fprintln(f.Out)
	fmt.Fprintln(w, "GROUP\tFROM\tMEASURE\tDIFFERENCE (95 % INTERVAL)\tN\tIN WORDS")
	for _, d := range c.Differences {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", d.Of, d.Over, d.Measure, d.Text, d.Change.N, d.Words)
	}
	return w.Flush()
}

// mostColumns is how many settings stand beside the metrics of their groups.
const mostColumns = 6

// printSettings prints the settings in which groups differ, a line each.
func (f *Factory) printSettings(c *report.Compared) {
	fmt.Fprintln(f.Out)
	w := tabwriter.NewWriter(f.Out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "SETTING")
	for _, g := range c.Groups {
		fmt.Fprintf(w, "\t%s", g.Name)
	}
	fmt.Fprintln(w)
	for _, k := range c.Settings {
		fmt.Fprint(w, k)
		for _, g := range c.Groups {
			fmt.Fprintf(w, "\t%s", orDash(g.Settings[k]))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

// leftOut tells of a run that cannot be used.
func (f *Factory) leftOut(u report.Unfinished) {
	if u.Why == "" {
		f.logf("%s: left out: %s", u.Dir, u.State)
		return
	}
	f.logf("%s: left out: %s: %s", u.Dir, u.State, u.Why)
}

func upper(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strings.ToUpper(n)
	}
	return out
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
