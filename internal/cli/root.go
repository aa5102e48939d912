package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dsconv/internal/bench"
	"dsconv/internal/bug"
)

// Factory hands commands what they need of the world, so that tests can hand
// them something else.
type Factory struct {
	In       io.Reader
	Out, Err io.Writer
	Terminal bool // whether Err is a terminal: progress bars instead of lines
	Width    int  // columns of the terminal that Out is, or 100
	Color    bool
	RunRoot  string                 // where runs live unless a flag says otherwise
	Self     func() (string, error) // path of this program, to start sweep jobs with
}

// NewFactory is the real world.
func NewFactory() *Factory {
	f := &Factory{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Width: 100, RunRoot: "runs", Self: os.Executable}
	f.Terminal = term.IsTerminal(int(os.Stderr.Fd()))
	if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		f.Width = w
		f.Color = os.Getenv("NO_COLOR") == ""
	}
	return f
}

// printJSON writes v to standard output, indented.
func (f *Factory) printJSON(v any) error {
	e := json.NewEncoder(f.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// lines gives a function that writes a line with a name of some width, and its value.
func (f *Factory) lines(width int) func(name, format string, args ...any) {
	return func(name, format string, args ...any) {
		fmt.Fprintf(f.Out, "%-*s %s\n", width, name, fmt.Sprintf(format, args...))
	}
}

// logf writes a line for a person to standard error.
func (f *Factory) logf(format string, args ...any) { fmt.Fprintf(f.Err, format+"\n", args...) }

// usageError marks a mistake in how a command was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// NewRoot is the whole command tree.
func NewRoot(f *Factory) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "dsconv",
		Short: "Train, sweep and judge Transformers with dynamic short convolutions",
		Long: `dsconv runs the study of "Dynamic Short Convolutions Improve Transformers"
(arXiv 2606.03825): it trains Transformers with no, static and dynamic short
convolutions on associative recall and language modelling, sweeps sizes and
seeds, and sets each claim of the paper beside what was measured.

Results go to standard output, everything else to standard error.

Exit codes:
` + exitCodeHelp,
		Example: `  dsconv train --config configs/tiny-dyn.yaml
  dsconv eval recall
  dsconv sweep --config configs/sweeps/recall-varkey.yaml --dry-run
  dsconv reproduce
  dsconv report runs/reproduce`,
		SilenceUsage:  true,
		SilenceErrors: true,
	},
		newCmdBench(f),
		newCmdConfig(f),
		newCmdData(f),
		newCmdDoctor(f, bench.Inspect),
		newCmdPlan(f),
		newCmdAnalyze(f),
		newCmdTrain(f),
		newCmdEval(f),
		newCmdExport(f),
		newCmdVerify(f),
		newCmdSweep(f),
		newCmdVersion(f),
		newCmdFit(f),
		newCmdReport(f),
		newCmdReproduce(f),
		newCmdRuns(f),
	)
	root.SetIn(f.In)
	root.SetOut(f.Out)
	root.SetErr(f.Err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w\nSee '%s --help'", err, c.CommandPath())
	})
	return root
}

// group is a command that only holds others; by itself it prints its help.
func group(cmd *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	cmd.Args = knownCommand
	cmd.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	cmd.AddCommand(subcommands...)
	return cmd
}

// knownCommand refuses words that are no command, naming the nearest one.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	err := fmt.Sprintf("unknown command %q", args[0])
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		err += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usagef("%s\nSee '%s --help'", err, c.CommandPath())
}

// noArgs refuses arguments that a command does not take.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, got %q", c.CommandPath(), args[0])
	}
	return nil
}

// Main runs the command line and returns the exit code.
func Main(args []string) int {
	f := NewFactory()
	return f.run(NewRoot(f), args)
}

// run runs a command line. A panic of a command, on whichever of its goroutines, is told
// as what it is, a mistake of this program, with its own exit code: Go's would be that of
// wrong arguments. That remains the code of what cannot be recovered, such as no memory.
func (f *Factory) run(root *cobra.Command, args []string) (code int) {
	defer func() {
		if r := recover(); r != nil {
			p := bug.Of(r)
			// The stack comes first: of a job, a sweep shows the last line.
			f.logf("%s\ndsconv: %s: bug: %v; please report this with the lines above (dsconv %s, %s, %s/%s); a run goes on from its checkpoint with --resume",
				p.Stack, strings.Join(args, " "), p, Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			code = exitBug
		}
	}()
	out := &output{to: f.Out}
	f.Out = out
	root.SetOut(out)
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		err = out.lost()
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(f.Err, named(err))
	return exitCode(err)
}

// named is the text of an error with the program's name before it, once: an error about
// how a command was called begins with the command.
func named(err error) string { return "dsconv: " + strings.TrimPrefix(err.Error(), "dsconv ") }
