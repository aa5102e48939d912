package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"dsconv/internal/arch"
	"dsconv/internal/runs"
)

func newCmdRuns(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:     "runs",
		Short:   "List, show and compare runs",
		Example: "  dsconv runs ls\n  dsconv runs show runs/tiny-dyn-da09391b8cd8",
	}, newCmdRunsLs(f), newCmdRunsShow(f), newCmdRunsCompare(f))
}

// runLine is a run in a list.
type runLine struct {
	Dir      string            `json:"dir"`
	State    runs.State        `json:"state"`
	Labels   map[string]string `json:"labels,omitempty"`
	Seed     int64             `json:"seed"`
	Params   int64             `json:"params"`
	Step     int               `json:"step"`
	Tokens   int64             `json:"tokens"`
	Loss     *number           `json:"loss"`          // of the last training batch
	EvalLoss *number           `json:"eval_loss"`     // of the newest evaluation
	EvalAcc  *number           `json:"eval_accuracy"` // of the newest evaluation
	Speed    float64           `json:"tokens_per_s"`
	Started  time.Time         `json:"started"`
	Error    string            `json:"error,omitempty"`
}

func lineOf(info runs.Info) runLine {
	l := runLine{Dir: info.Dir, State: info.State, Started: info.Started}
	if info.Err != nil {
		l.State, l.Error = "unreadable", info.Err.Error()
	}
	if info.Damage != nil {
		l.Error = info.Damage.Error()
	}
	if info.Failure != nil {
		l.Error = info.Failure.Error
	}
	if c := info.Config; c != nil {
		l.Labels, l.Seed, l.Params = c.Labels, c.Seed, arch.SpecOf(c).Count().Total
	}
	if m := info.Last; m != nil {
		l.Step, l.Tokens, l.Loss, l.Speed = m.Step, m.Tokens, numberOf(m.Loss), m.TokensPerS
	}
	if e := info.Eval; e != nil {
		l.EvalLoss, l.EvalAcc = numberOf(e.Loss), numberOf(e.Accuracy)
	}
	return l
}

func newCmdRunsLs(f *Factory) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "ls [DIR]",
		Short:   "List the runs below a folder, oldest first",
		Example: "  dsconv runs ls\n  dsconv runs ls runs/reproduce --json",
		Args:    atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			root := f.RunRoot
			if len(args) == 1 {
				root = args[0]
				if _, err := os.Stat(root); err != nil {
					return usagef("runs: ls: %w", err)
				}
			}
			if err := refuseFile("runs: ls:", root); err != nil {
				return err
			}
			list, err := runs.List(root)
			if err != nil {
				return err
			}
			lines := make([]runLine, len(list))
			for i, info := range list {
				lines[i] = lineOf(info)
			}
			if asJSON {
				return f.printJSON(lines)
			}
			f.printRuns(root, lines)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// atMostOne refuses a second argument.
func atMostOne(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("%s takes one folder, got %q as well", c.CommandPath(), args[1])
	}
	return nil
}

// refuseFile refuses a file where a folder is wanted, which need not be there yet; what
// names the argument.
func refuseFile(what, dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usagef("%s %s is a file; a folder is wanted", what, dir)
	}
	return nil
}

// refuseFolder refuses a folder where a file is to be written.
func refuseFolder(what, file string) error {
	if isFolder(file) {
		return usagef("%s %s: it is a folder; name a file", what, file)
	}
	return nil
}

// isFolder says whether there is a folder of that name.
func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func (f *Factory) printRuns(root string, lines []runLine) {
	if len(lines) == 0 {
		f.logf("no runs below %s; dsconv train makes one", root)
		return
	}
	w := tabwriter.NewWriter(f.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tSTATE\tSEED\tPARAMS\tSTEP\tLOSS\tEVAL LOSS\tEVAL ACC\tTOKENS/S")
	for _, l := range lines {
		name := l.Dir
		if rel, err := filepath.Rel(root, l.Dir); err == nil {
			name = rel
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\n", name, l.State, l.Seed, si(float64(l.Params)), l.Step, l.Loss.text("%.4f"), l.EvalLoss.text("%.4f"), l.EvalAcc.text("%.3f"), si(l.Speed))
	}
	w.Flush()
	for _, l := range lines {
		if l.Error != "" {
			f.logf("%s: %s", l.Dir, l.Error)
		}
	}
}

// runDetail is a run in full.
type runDetail struct {
	runLine
	Settings map[string]string `json:"settings"`
	Record   runs.Record       `json:"record"`
	Solved   *number           `json:"eval_solved"`
	Oracle   *number           `json:"oracle"`
	Seconds  float64           `json:"seconds"`
}

func newCmdRunsShow(f *Factory) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show RUN",
		Short:   "Show one run: state, results, what made it, settings",
		Example: "  dsconv runs show runs/tiny-dyn-da09391b8cd8",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes one run directory", c.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runsShow(f, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// readRun reads a run that somebody named.
func (f *Factory) readRun(dir string) (runs.Info, error) {
	none := !isFolder(dir)
	if !none {
		state, err := runs.StateOf(dir)
		none = err == nil && state == runs.StatePending
	}
	if none {
		return runs.Info{}, usagef("%s is no run directory; dsconv runs ls lists those below %s", dir, f.RunRoot)
	}
	return runs.Read(dir)
}

func runsShow(f *Factory, dir string, asJSON bool) error {
	info, err := f.readRun(dir)
	if err != nil {
		return err
	}
	settings, err := runs.Settings(info.Config)
	if err != nil {
		return err
	}
	d := runDetail{runLine: lineOf(info), Settings: map[string]string{}, Record: info.Record}
	for _, s := range settings {
		d.Settings[s.Key] = s.Value
	}
	if e := info.Eval; e != nil {
		d.Solved, d.Oracle = numberOf(e.Solved), numberOf(e.Oracle)
	}
	if info.Last != nil {
		d.Seconds = info.Last.Seconds
	}
	if asJSON {
		return f.printJSON(d)
	}
	line := f.lines(12)
	s := info.Record.Session
	line("run", "%s", dir)
	line("state", "%s", d.State)
	if d.Error != "" {
		line("error", "%s", d.Error)
	}
	line("parameters", "%s", si(float64(d.Params)))
	line("step", "%d, %s tokens, %s of training", d.Step, si(float64(d.Tokens)), durationText(d.Seconds))
	line("loss", "%s", d.Loss.text("%.4f"))
	line("validation", "loss %s, accuracy %s, solved %s, generator %s", d.EvalLoss.text("%.4f"), d.EvalAcc.text("%.4f"), d.Solved.text("%.4f"), d.Oracle.text("%.4f"))
	line("speed", "%s tokens/s", si(d.Speed))
	line("identity", "%s", info.Record.Identity)
	line("started", "%s, resumed %d times", d.Started.Format(time.RFC3339), info.Record.Resumes)
	line("made by", "dsconv %s, %s, %s/%s, %s, %d cores", s.Version, s.Go, s.OS, s.Arch, s.ISA, s.CPUs)
	fmt.Fprintln(f.Out)
	for _, s := range settings {
		fmt.Fprintf(f.Out, "%s: %s\n", s.Key, s.Value)
	}
	return nil
}
