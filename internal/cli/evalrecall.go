package cli

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"dsconv/internal/config"
	"dsconv/internal/tasks"
	"dsconv/internal/train"
)

type evalRecallOptions struct {
	dir        string
	pairs      []int
	lengths    []int
	keyLengths []int
	examples   int
	heatmap    string
	asJSON     bool
}

// recallResult is what a run does on recall, as trained and beyond.
type recallResult struct {
	Run          string       `json:"run"`
	Step         int          `json:"step"`
	Task         string       `json:"task"`
	Accuracy     float64      `json:"accuracy"`      // in the setting it was trained on
	MeanAccuracy float64      `json:"mean_accuracy"` // over all cells
	Cells        []recallCell `json:"cells"`
	Skipped      []string     `json:"skipped,omitempty"` // settings asked for that there cannot be, and why
}

// recallCell is one setting.
type recallCell struct {
	Pairs    int     `json:"pairs,omitempty"`
	SeqLen   int     `json:"seq_len"`
	KeyMax   int     `json:"key_max,omitempty"` // longest key
	Trained  bool    `json:"trained"`           // the setting of training
	Accuracy float64 `json:"accuracy"`          // of labelled positions, averaged per example
	Solved   float64 `json:"solved"`            // share of examples without a mistake
	Loss     *number `json:"loss"`              // null where it is no number
	Floor    float64 `json:"floor,omitempty"`   // accuracy of guessing
	Examples int     `json:"examples"`
	Labelled int     `json:"labelled"`

	// Accuracy by length of the key, or by lag of the token that counts.
	GroupName string        `json:"group_name,omitempty"`
	Groups    []train.Group `json:"groups,omitempty"`
}

func newCmdEvalRecall(f *Factory) *cobra.Command {
	var o evalRecallOptions
	cmd := &cobra.Command{
		Use:   "recall",
		Short: "Accuracy by number of pairs, sequence length and key length",
		Long: `Evaluate a recall run on the test split, in the setting it was trained on and in
others: every combination of --pairs, --lengths and, for variable keys, --key-lengths,
each the length of the longest key. Left out, pairs and lengths are those of training,
twice and four times as many; combinations that there cannot be are skipped. Tasks of
MAD are evaluated in their own setting.

In the output of --json, accuracy is that in the setting of training, and cells has
every setting.`,
		Example: `  dsconv eval recall
  dsconv eval recall --run runs/tiny-dyn-da09391b8cd8 --pairs 4,8,16 --lengths 64,256 --json
  dsconv eval recall --heatmap recall.svg`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkExamples("eval recall", o.examples); err != nil {
				return err
			}
			return evalRecallRun(f, o)
		},
	}
	bindEval(cmd, &o.dir, &o.examples, &o.asJSON)
	cmd.Flags().IntSliceVar(&o.pairs, "pairs", nil, "numbers of pairs, such as 4,8,16")
	cmd.Flags().IntSliceVar(&o.lengths, "lengths", nil, "sequence lengths, such as 64,128,256")
	cmd.Flags().IntSliceVar(&o.keyLengths, "key-lengths", nil, "lengths of the longest key, such as 2,3,4")
	cmd.Flags().StringVar(&o.heatmap, "heatmap", "", "also draw the accuracies as an SVG file")
	return cmd
}

func evalRecallRun(f *Factory, o evalRecallOptions) error {
	if o.heatmap != "" && filepath.Ext(o.heatmap) != ".svg" {
		return usagef("eval recall: --heatmap writes SVG; name a file that ends in .svg, got %s", o.heatmap)
	}
	if err := refuseFolder("eval recall: --heatmap", o.heatmap); err != nil {
		return err
	}
	run, err := f.openEval(o.dir, false)
	if err != nil {
		return err
	}
	grid, skipped, err := recallGrid(run.config, o)
	if err != nil {
		return err
	}
	r := recallResult{Run: run.dir, Step: run.step, Task: run.config.Task.Kind, Skipped: skipped}
	for i, task := range grid {
		if task.SeqLen > 4*run.config.Task.SeqLen { // the time of attention grows with the square
			f.logf("setting %d of %d: %s", i+1, len(grid), setting(task))
		}
		e, err := run.on(task, o.examples)
		if err != nil {
			return err
		}
		cell := recallCell{SeqLen: task.SeqLen, Trained: i == 0, Accuracy: e.Accuracy, Solved: e.Solved, Loss: numberOf(e.Loss), Examples: e.Examples, Labelled: e.Labelled, Floor: tasks.Floor(task), GroupName: e.GroupName, Groups: e.Groups}
		if task.HasPairs() {
			cell.Pairs = task.Pairs
		}
		if task.Kind == "varkey" {
			cell.KeyMax = task.KeyMax
		}
		r.Cells = append(r.Cells, cell)
		r.MeanAccuracy += e.Accuracy / float64(len(grid))
	}
	r.Accuracy = r.Cells[0].Accuracy
	if o.heatmap != "" {
		if err := writeHeatmap(o.heatmap, r); err != nil {
			return err
		}
	}
	if o.asJSON {
		return f.printJSON(r)
	}
	f.printRecall(r)
	return nil
}

// recallGrid lists the settings to evaluate, that of training first.
func recallGrid(c *config.Config, o evalRecallOptions) (grid []config.Task, skipped []string, err error) {
	own := c.Task
	grid = []config.Task{own}
	if !own.HasPairs() {
		if len(o.pairs)+len(o.lengths)+len(o.keyLengths) > 0 {
			return nil, nil, usagef("eval recall: task %s is evaluated in its own setting; --pairs, --lengths and --key-lengths are for mqar and varkey", own.Kind)
		}
		return grid, nil, nil
	}
	if len(o.keyLengths) > 0 && own.Kind != "varkey" {
		return nil, nil, usagef("eval recall: keys of task %s have one token; --key-lengths is for varkey", own.Kind)
	}
	asked := len(o.pairs)+len(o.lengths)+len(o.keyLengths) > 0
	axis := func(given []int, own int, factors ...int) []int {
		if len(given) > 0 {
			return given
		}
		list := []int{own}
		for _, factor := range factors {
			if !asked {
				list = append(list, factor*own)
			}
		}
		return list
	}
	possible := 0
	for _, keyMax := range axis(o.keyLengths, own.KeyMax) {
		for _, pairs := range axis(o.pairs, own.Pairs, 2, 4) {
			for _, length := range axis(o.lengths, own.SeqLen, 2, 4) {
				t := own
				t.Pairs, t.SeqLen = pairs, length
				if own.Kind == "varkey" {
					t.KeyMax, t.KeyMin = keyMax, min(own.KeyMin, keyMax)
				}
				reason := train.Evaluable(t, c)
				same := t.Pairs == own.Pairs && t.SeqLen == own.SeqLen && t.KeyMax == own.KeyMax
				if reason != nil {
					skipped = append(skipped, fmt.Sprintf("%s: %v", setting(t), reason))
					continue
				}
				possible++
				if !same {
					grid = append(grid, t)
				}
			}
		}
	}
	if possible == 0 {
		return nil, nil, usagef("eval recall: there is no such setting: %s", skipped[0])
	}
	if !asked {
		skipped = nil // nobody asked for them
	}
	return grid, skipped, nil
}

func setting(t config.Task) string {
	s := fmt.Sprintf("%d pairs in %d tokens", t.Pairs, t.SeqLen)
	if t.Kind == "varkey" {
		s += fmt.Sprintf(", keys of up to %d", t.KeyMax)
	}
	return s
}

// printRecall draws a table of pairs by length for each key length, with a block that
// fills as accuracy goes to 1.
func (f *Factory) printRecall(r recallResult) {
	own := r.Cells[0]
	fmt.Fprintf(f.Out, "run %s, step %d, task %s\n", r.Run, r.Step, r.Task)
	fmt.Fprintf(f.Out, "accuracy %.4f as trained, %.4f of %d examples without a mistake", own.Accuracy, own.Solved, own.Examples)
	if own.Floor > 0 {
		fmt.Fprintf(f.Out, "; guessing gives %.4f", own.Floor)
	}
	fmt.Fprintln(f.Out)
	for i, g := range own.Groups {
		if i == 0 {
			fmt.Fprintf(f.Out, "by %s:", own.GroupName)
		}
		fmt.Fprintf(f.Out, "  %d: %.4f", g.Group, g.Accuracy)
	}
	if own.Groups != nil {
		fmt.Fprintln(f.Out)
	}
	if len(r.Cells) > 1 {
		for _, t := range recallTables(r.Cells) {
			f.printRecallTable(t)
		}
		fmt.Fprintln(f.Out, "\n* as trained; - there is no such setting")
	}
	for _, s := range r.Skipped {
		f.logf("skipped %s", s)
	}
}
