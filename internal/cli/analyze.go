package cli

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dsconv/internal/runs"
	"dsconv/internal/tasks"
	"dsconv/internal/train"
)

type analyzeOptions struct {
	run      string
	examples int
	asJSON   bool
}

// analyzeResult is the JSON of dsconv analyze.
type analyzeResult struct {
	Run  string `json:"run"`
	Step int    `json:"step"`
	*train.Analysis
}

func newCmdAnalyze(f *Factory) *cobra.Command {
	o := analyzeOptions{}
	cmd := &cobra.Command{
		Use:   "analyze",
		Short: "Show what the filters of a run learned, and what each part of them is worth",
		Long: `Look at the short convolutions of a trained model on validation examples.

The first table has the energy of the taps by lag: the mean over tokens and
channels of the squared tap, for each layer and projection, and which share of it
varies from token to token. A static filter has none of that. The residual, which
passes each token through, is not counted.

The second table evaluates the model after changes that need no training: filters
frozen to their mean over tokens, filters taken from another sequence, the dynamic
part removed, and the tap at each lag removed.`,
		Example: `  dsconv analyze
  dsconv analyze --run runs/tiny-dyn-da09391b8cd8 --examples 1024 --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkExamples("analyze", o.examples); err != nil {
				return err
			}
			return analyzeRun(f, o)
		},
	}
	cmd.Flags().StringVar(&o.run, "run", "", "run directory (default: the newest finished run with convolutions under runs)")
	cmd.Flags().IntVar(&o.examples, "examples", 512, "validation examples to look at")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func analyzeRun(f *Factory, o analyzeOptions) error {
	info, err := f.analyzed(o.run)
	if err != nil {
		return err
	}
	run, err := f.loadTrained(info)
	if err != nil {
		return err
	}
	c := run.config
	task, err := tasks.New(c.Task, c.Seed)
	if err != nil {
		return err
	}
	a, err := train.Analyze(run.model, task, tasks.Valid, o.examples, max(2, c.Train.MicroBatch))
	if err != nil {
		return fmt.Errorf("%s: %w", run.dir, err)
	}
	if o.asJSON {
		return f.printJSON(analyzeResult{run.dir, run.step, a})
	}
	fmt.Fprintf(f.Out, "%s, step %d: %s filters of width %d\n\n", run.dir, run.step, c.Conv.Kind, c.Conv.Width)
	f.printFilters(a.Filters)
	fmt.Fprintln(f.Out)
	f.printAblations(a.Ablations)
	return nil
}

// analyzed is the run to look at.
func (f *Factory) analyzed(dir string) (runs.Info, error) {
	if dir != "" {
		info, err := f.readRun(dir)
		if err == nil && !info.Config.Conv.Active() {
			err = usagef("analyze: run %s has no short convolution (conv.kind is none)", dir)
		}
		return info, err
	}
	info, err := runs.Newest(f.RunRoot, func(i runs.Info) bool { return i.State == runs.StateDone && i.Config.Conv.Active() })
	if errors.Is(err, runs.ErrNone) {
		return info, usagef("analyze: there is no finished run with short convolutions under %s. Train one with\n  dsconv train --config configs/tiny-dyn.yaml\nor name a run with --run DIR", f.RunRoot)
	}
	return info, err
}

// printFilters draws a row a filter: a bar a lag, as high as its share of the
// energy, then the energy, and which share of it varies over tokens.
func (f *Factory) printFilters(filters []train.FilterStats) {
	w := tabwriter.NewWriter(f.Out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "layer\tplace\t")
	for k := range filters[0].Energy {
		fmt.Fprintf(w, "lag %d\t", k)
	}
	fmt.Fprintln(w, "by lag\tvaries")
	for _, s := range filters {
		total, varies, top := 0.0, 0.0, 0.0
		for k, e := range s.Energy {
			total += e
			varies += s.Variation[k]
			top = max(top, e)
		}
		fmt.Fprintf(w, "%d\t%s\t", s.Layer, s.Place)
		var bars strings.Builder
		for _, e := range s.Energy {
			fmt.Fprintf(w, "%.4f\t", e)
			bars.WriteRune(bar(e, top))
		}
		fmt.Fprintf(w, "%s\t%s\n", bars.String(), percent(varies, total))
	}
	w.Flush()
}

// bar is one of eight heights of v up to top.
func bar(v, top float64) rune {
	if top <= 0 {
		return ' '
	}
	return []rune(" ▁▂▃▄▅▆▇█")[int(8*v/top+0.5)]
}

func percent(part, whole float64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*part/whole)
}

func (f *Factory) printAblations(list []train.Ablation) {
	w := tabwriter.NewWriter(f.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "change\tloss\taccuracy\tloss added")
	for _, a := range list {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%+.4f\n", a.Name, a.Eval.Loss, a.Eval.Accuracy, a.Eval.Loss-list[0].Eval.Loss)
	}
	w.Flush()
}
