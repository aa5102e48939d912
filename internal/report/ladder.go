package report

import (
	"errors"
	"fmt"
	"math"

	"dsconv/internal/scaling"
	"dsconv/internal/stats"
)

// scalingPoints are the runs as points of a scaling law; seconds takes measured time
// for compute. Documents of some seeds are harder than those of others, also for the
// language itself. So where all runs know the loss of their generator on the documents that
// they were evaluated on, each loss is moved by how far that lies from the mean: what differs
// between documents is then no noise of the fit.
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

// ErrWhichSweep says that a sweep must be named.
var ErrWhichSweep = errors.New("there are several sweeps of as many sizes")

// Points are the runs of a sweep as points of a scaling law. No name takes the only sweep
// below the folder whose loss counts, or the one of those that has the most sizes.
func (f *Found) Points(sweep string, seconds bool) ([]scaling.Point, error) {
	if sweep == "" {
		var err error
		if sweep, err = f.ladder(); err != nil {
			return nil, err
		}
	}
	points := scalingPoints(pick(f.Runs, sweep, ""), seconds)
	if len(points) == 0 {
		return nil, fmt.Errorf("fit: no finished run of sweep %q was found", sweep)
	}
	return points, nil
}

// ladder is the sweep whose loss counts that has the most sizes.
func (f *Found) ladder() (string, error) {
	var names []string
	most := 0
	for _, s := range sweepsOf(f.studied()) {
		runs := pick(f.Runs, s, "")
		if runs[0].isRecall() {
			continue
		}
		sizes := map[float64]bool{}
		for _, r := range pick(runs, "", runs[0].Variant) {
			sizes[r.Params] = true
		}
		switch {
		case len(sizes) > most:
			names, most = []string{s}, len(sizes)
		case len(sizes) == most:
			names = append(names, s)
		}
	}
	switch len(names) {
	case 0:
		return "", fmt.Errorf("fit: no finished run of a language-model sweep was found; dsconv sweep makes some")
	case 1:
		return names[0], nil
	}
	return "", fmt.Errorf("fit: %w; --sweep names one of %s", ErrWhichSweep, listText(names))
}
