package report

import (
	"fmt"
	"math"

	"dsconv/internal/scaling"
	"dsconv/internal/stats"
)

// scalingPoints are the runs as points of a scaling law; seconds takes measured time
// for compute. A seed of the synthetic language is a language of its own, with its
// own floor, so where all runs know the loss of their generator, each loss is moved
// by how far its floor lies from the mean floor: what differs between languages is
// then no noise of the fit.
func scalingPoints(runs []*Run, seconds bool) []scaling.Point {
	floor := 0.0
	for _, r := range runs {
		floor += r.Last().Oracle / float64(len(runs)) // NaN where one is not known
	}
	var out []scaling.Point
	for _, r := range runs {
		last := r.Last()
		p := scaling.Point{Variant: r.Variant, Params: r.Params, Tokens: last.Tokens, Compute: r.FLOPs, Loss: last.EvalLoss, Seed: r.Seed}
		if seconds {
			p.Compute = last.Seconds
		}
		if !math.IsNaN(floor) {
			p.Loss += floor - last.Oracle
		}
		if p.Loss > 0 && p.Compute > 0 && !math.IsInf(p.Loss, 0) {
			out = append(out, p)
		}
	}
	return out
}

// fitSweeps fits the law to every sweep whose loss counts and whose base has at
// least two sizes. seconds takes measured time for compute.
func fitSweeps(runs []*Run, seconds bool) map[string]*scaling.Result {
	out := map[string]*scaling.Result{}
	for _, sweep := range sweepsOf(runs) {
		mine := pick(runs, sweep, "")
		if mine[0].isRecall() {
			continue
		}
		// An error says that there is no ladder here, which is no fault of the runs.
		if f, err := scaling.Fit(scalingPoints(mine, seconds), scaling.Options{Base: "base", Seconds: seconds}); err == nil {
			out[sweep] = f
		}
	}
	return out
}

// LossCell is what the seeds of one variant and size of a language model did.
type LossCell struct {
	Sweep   string       `json:"sweep"`
	Setting string       `json:"setting,omitempty"`
	Variant string       `json:"variant"`
	Params  float64      `json:"params"`
	Tokens  float64      `json:"tokens"`
	FLOPs   float64      `json:"flops"`
	Loss    stats.Spread `json:"loss"`
	Oracle  stats.Bound  `json:"oracle"` // loss of the generator itself, median over seeds; null: unknown
	Speed   stats.Spread `json:"tokens_per_s"`
}

func lossCells(runs []*Run) []LossCell {
	out := []LossCell{}
	eachCell(runs, func(sweep, setting, variant string, mine []*Run) {
		values := finite(mine, measures["loss"])
		if mine[0].isRecall() || len(values) == 0 {
			return
		}
		last, floors := mine[0].Last(), []float64{}
		for _, r := range mine {
			floors = append(floors, r.Last().Oracle)
		}
		out = append(out, LossCell{
			Sweep: sweep, Setting: setting, Variant: variant, Params: mine[0].Params, Tokens: last.Tokens, FLOPs: mine[0].FLOPs,
			Loss: stats.SpreadOf(values), Oracle: stats.Bound(stats.Median(floors)), Speed: stats.SpreadOf(finite(mine, measures["speed"])),
		})
	})
	return out
}

// Points are the runs of a sweep as points of a scaling law. No name takes the
// sweep below the folder whose loss counts, if there is one only.
func (f *Found) Points(sweep string, seconds bool) ([]scaling.Point, error) {
	var names []string
	for _, s := range sweepsOf(pick(f.Runs, "", "")) {
		if s != "" && !pick(f.Runs, s, "")[0].isRecall() {
			names = append(names, s)
		}
	}
	switch {
	case sweep == "" && len(names) == 1:
		sweep = names[0]
	case sweep == "" && len(names) > 1:
		return nil, fmt.Errorf("fit: there are several sweeps; --sweep names one of %s", listText(names))
	case sweep == "":
		return nil, fmt.Errorf("fit: no finished run of a language-model sweep was found; dsconv sweep makes some")
	}
	points := scalingPoints(pick(f.Runs, sweep, ""), seconds)
	if len(points) == 0 {
		return nil, fmt.Errorf("fit: no finished run of sweep %q was found", sweep)
	}
	return points, nil
}
