package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"dsconv/internal/report"
	"dsconv/internal/runs"
	"dsconv/internal/scaling"
)

type reportOptions struct {
	dir    string
	out    string
	asJSON bool
}

func newCmdReport(f *Factory) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report DIR",
		Short: "Set the paper's claims beside the runs below a folder",
		Long: `Judge the claims of the paper by the finished runs below DIR, print the table,
and write one page with claims, figures and their data to DIR/report.html. The
page needs no network. Verdicts are computed from runs paired by seed; the rules
are in the page, below each claim.

Runs of a sweep that were trained with other settings than the rest, such as another
preset, profile or --set, are left out and named.`,
		Example: `  dsconv report runs/reproduce
  dsconv report runs/reproduce --out report.html --json`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes the folder of the runs, for example %s runs/reproduce", c.CommandPath(), c.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o.dir = args[0]
			return reportRun(f, o)
		},
	}
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "file of the page (default DIR/report.html)")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// reportPage is the page in the folder of the runs.
const reportPage = "report.html"

// reportJSON is the report for programs.
type reportJSON struct {
	Dir        string                     `json:"dir"`
	Page       string                     `json:"page"`
	Runs       int                        `json:"runs"`
	Claims     []report.Row               `json:"claims"`
	Recall     []report.RecallCell        `json:"recall"`
	Scores     []report.Score             `json:"scores"` // of MAD
	Losses     []report.LossCell          `json:"losses"`
	Fits       map[string]*scaling.Result `json:"fits"`       // over counted FLOPs
	Timed      map[string]*scaling.Result `json:"fits_timed"` // over measured seconds
	StepTimes  *report.StepTimes          `json:"step_times,omitempty"`
	Unfinished []report.Unfinished        `json:"unfinished"`
	LeftOut    []report.Apart             `json:"left_out"` // of other settings than the rest of their sweep
}

func reportRun(f *Factory, o reportOptions) error {
	if !isFolder(o.dir) {
		return usagef("report: %s is no folder of runs; dsconv reproduce makes one", o.dir)
	}
	if o.out == "" {
		o.out = filepath.Join(o.dir, reportPage)
	}
	r, err := newReport(o.dir, o.out)
	if err != nil {
		return err
	}
	if o.asJSON {
		return f.printJSON(reportJSON{
			Dir: o.dir, Page: o.out, Runs: r.Runs, Claims: r.Rows, Recall: r.Recall, Scores: r.Scores, Losses: r.Losses, Fits: r.Fits, Timed: r.Timed, StepTimes: r.Steps,
			Unfinished: append([]report.Unfinished{}, r.Unfinished...), LeftOut: append([]report.Apart{}, r.Apart...),
		})
	}
	f.showReport(r, o.out)
	if r.Single > 0 {
		f.logf("%d of the runs belong to no sweep: claims, figures and tables are about sweeps; dsconv runs compare %s sets single runs side by side", r.Single, o.dir)
	}
	if r.Runs == 0 {
		f.logf("there is no finished run below %s, so nothing could be judged; dsconv reproduce --dir %s makes them", o.dir, o.dir)
	}
	return nil
}

// newReport judges the runs below dir, and replaces the page at once.
func newReport(dir, page string) (*report.Report, error) {
	r, err := report.New(dir)
	if err != nil {
		return nil, err
	}
	if err := runs.ReplaceFile(page, r.WriteHTML); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return r, nil
}

func (f *Factory) showReport(r *report.Report, page string) {
	f.printClaims(r)
	f.logf("page: %s", page)
}

// printClaims prints the table of claims, one below the other, since five columns
// of sentences fit no terminal.
func (f *Factory) printClaims(r *report.Report) {
	width := max(60, min(f.Width, 120))
	for _, row := range r.Rows {
		f.colored(verdictColors[row.Verdict], strings.ToUpper(string(row.Verdict)))
		fmt.Fprintln(f.Out)
		wrap(f.Out, "  ", "  ", row.Claim.Claim, width)
		for _, line := range []struct{ name, text string }{
			{"paper", fmt.Sprintf("%s  [%s]", row.Paper, row.Source)},
			{"ours", withSizes(row)},
			{"why", row.Why},
			{"run", row.Command},
		} {
			wrap(f.Out, fmt.Sprintf("    %-6s", line.name), "          ", line.text, width)
		}
	}
	var parts []string
	for _, t := range r.Tally() {
		parts = append(parts, fmt.Sprintf("%d %s", t.N, t.Verdict))
	}
	fmt.Fprintf(f.Out, "\n%d claims: %s; %d finished runs\n", len(r.Rows), strings.Join(parts, ", "), r.Runs)
	for _, a := range r.Apart {
		f.logf("%s", a)
	}
	if n := len(r.Unfinished); n > 0 {
		f.logf("%d runs are not finished and count for nothing; dsconv runs ls %s lists them", n, r.Dir)
	}
}

func withSizes(row report.Row) string {
	if row.Sizes == "" {
		return row.Ours
	}
	return row.Ours + "  [" + row.Sizes + "]"
}

// verdictColors are ANSI codes.
var verdictColors = map[report.Verdict]string{report.Reproduced: "32", report.NotReproduced: "31", report.Inconclusive: "33", report.NotRun: "2"}

// colored writes text in a colour where the terminal shows colours.
func (f *Factory) colored(code, text string) {
	if f.Color {
		text = "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	fmt.Fprint(f.Out, text)
}

// wrap writes text in lines of at most width columns: first before the first, rest
// before the others.
func wrap(w io.Writer, first, rest, text string, width int) {
	line, used := first, 0
	for _, word := range strings.Fields(text) {
		if used > 0 && len([]rune(line))+1+len([]rune(word)) > width {
			fmt.Fprintln(w, line)
			line, used = rest, 0
		}
		if used > 0 {
			line += " "
		}
		line += word
		used++
	}
	fmt.Fprintln(w, line)
}
