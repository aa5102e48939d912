package report

import (
	"fmt"
	"math"
	"slices"

	"dsconv/internal/arch"
	"dsconv/internal/runs"
	"dsconv/internal/tasks"
	"dsconv/internal/train"
)

// Probes are what trained models do when they are looked at again: recall beyond
// the setting of training, and the worth of each part of their filters. They come
// from one run each, the first seed, so they illustrate and settle nothing.
type Probes struct {
	Heats   []Heat
	Filters []Filters
	Skipped []Unfinished // runs whose weights could not be used, and why
}

// Heat is the accuracy of a trained model by pairs and sequence length.
type Heat struct {
	Sweep, Variant, Dir string
	Pairs, Lengths      []int
	Values              [][]float64 // by pairs and length, those of training first; NaN: there is no such setting
}

// Filters is what the filters of a trained model learned.
type Filters struct {
	Sweep, Variant, Dir string
	Recall              bool
	Analysis            *train.Analysis
}

// probeExamples is how many examples of each setting are looked at.
const probeExamples = 128

// probed are the variants whose recall is mapped, and dissected those whose filters
// are taken apart.
var (
	probed    = []string{"base", "static", "static-fast", "lowrank", "headwise", "shuffled", "constant"}
	dissected = []string{"lowrank", "dyn"}
)

// probe looks at the first seed of the variants of each sweep, at its largest
// setting.
func probe(all []*Run) Probes {
	var p Probes
	for _, sweep := range sweepsOf(all) {
		_, mine := largest(pick(all, sweep, ""))
		for _, v := range variantsOf(mine) {
			r := pick(mine, "", v)[0]
			mapped := r.Config.Task.HasPairs() && slices.Contains(probed, v)
			if !mapped && !slices.Contains(dissected, v) {
				continue
			}
			model := arch.New(arch.SpecOf(r.Config), false)
			// A damaged checkpoint that was passed over is no reason to stop: an
			// older one speaks for the run as well.
			_, err := runs.LoadWeights(r.Dir, model, func(error) {})
			if err == nil && mapped {
				err = p.heat(r, model)
			}
			if err == nil && slices.Contains(dissected, v) {
				err = p.dissect(r, model)
			}
			if err != nil {
				p.Skipped = append(p.Skipped, Unfinished{r.Dir, "not looked into", err.Error()})
			}
		}
	}
	return p
}

// heat evaluates pairs and lengths of one, two and four times those of training.
func (p *Probes) heat(r *Run, model *arch.Model) error {
	own := r.Config.Task
	h := Heat{Sweep: r.Sweep, Variant: r.Variant, Dir: r.Dir}
	for _, f := range []int{1, 2, 4} {
		h.Pairs, h.Lengths = append(h.Pairs, f*own.Pairs), append(h.Lengths, f*own.SeqLen)
	}
	for _, pairs := range h.Pairs {
		row := make([]float64, len(h.Lengths))
		for j, length := range h.Lengths {
			t := own
			t.Pairs, t.SeqLen = pairs, length
			row[j] = math.NaN()
			if train.Evaluable(t, r.Config) != nil {
				continue
			}
			e, err := train.EvaluateOn(t, r.Config, model, probeExamples)
			if err != nil {
				return err
			}
			row[j] = e.Accuracy
		}
		h.Values = append(h.Values, row)
	}
	p.Heats = append(p.Heats, h)
	return nil
}

func (p *Probes) dissect(r *Run, model *arch.Model) error {
	task, err := tasks.New(r.Config.Task, r.Seed)
	if err != nil {
		return err
	}
	a, err := train.Analyze(model, task, tasks.Valid, probeExamples, max(2, min(r.Config.Train.MicroBatch, probeExamples)))
	if err != nil {
		return fmt.Errorf("report: %s: %w", r.Dir, err)
	}
	p.Filters = append(p.Filters, Filters{r.Sweep, r.Variant, r.Dir, r.isRecall(), a})
	return nil
}

// Cell is a field of a heat map on the page.
type Cell struct {
	Text    string
	Percent int  // of full colour
	Trained bool // the setting of training
	None    bool
}

// HeatRow is the fields of one number of pairs.
type HeatRow struct {
	Pairs int
	Cells []Cell
}

// Rows are the fields of the map, a row for each number of pairs.
func (h Heat) Rows() []HeatRow {
	out := make([]HeatRow, len(h.Pairs))
	for i, row := range h.Values {
		out[i].Pairs = h.Pairs[i]
		for j, v := range row {
			c := Cell{Trained: i == 0 && j == 0}
			if math.IsNaN(v) {
				c.None, c.Text = true, "–"
			} else {
				c.Text, c.Percent = fmt.Sprintf("%.2f", v), int(math.Round(100*v))
			}
			out[i].Cells = append(out[i].Cells, c)
		}
	}
	return out
}
