package report

import (
	"fmt"
	"slices"

	"dsconv/internal/scaling"
)

// Report is all that a folder of runs says.
type Report struct {
	Dir        string
	Machine    string
	Runs       int
	Single     int     // runs of which that belong to no sweep
	Seconds    float64 // of training, all runs
	Unfinished []Unfinished
	Apart      []Apart
	Rows       []Row
	Recall     []RecallCell
	Scores     []Score
	Losses     []LossCell
	Fits       map[string]*scaling.Result // by sweep, over counted FLOPs
	Timed      map[string]*scaling.Result // by sweep, over measured seconds
	Steps      *StepTimes                 // nil: not measured
	Figures    []Figure
	Heats      []Heat
}

// New reads the runs below dir and judges the claims.
func New(dir string) (*Report, error) {
	f, err := Load(dir)
	if err != nil {
		return nil, err
	}
	if err := f.KeepComparable(); err != nil {
		return nil, err
	}
	return build(dir, f, probe(f.studied()))
}

// studied are the runs of a sweep: others answer no claim.
func (f *Found) studied() []*Run {
	var out []*Run
	for _, r := range f.Runs {
		if r.Sweep != "" {
			out = append(out, r)
		}
	}
	return out
}

func build(dir string, f *Found, p Probes) (*Report, error) {
	claims, err := Claims()
	if err != nil {
		return nil, err
	}
	studied := f.studied()
	r := &Report{Dir: dir, Machine: f.Machine, Runs: len(f.Runs), Single: len(f.Runs) - len(studied), Unfinished: slices.Concat(f.Others, p.Skipped), Apart: f.Apart, Steps: f.Steps, Heats: p.Heats}
	for _, run := range f.Runs {
		r.Seconds += run.Last().Seconds
	}
	r.Fits, r.Timed = fitSweeps(studied, false), fitSweeps(studied, true)
	for i, c := range claims {
		claims[i] = c.In(dir, studied)
	}
	r.Rows = judge(claims, evidence{runs: studied, fits: r.Fits, steps: f.Steps})
	r.Recall, r.Scores, r.Losses = recallCells(studied), scores(studied), lossCells(studied)
	if r.Figures, err = figures(dir, studied, r.Fits, f.Steps); err != nil {
		return nil, err
	}
	for _, f := range p.Filters {
		figs, err := filterFigures(f)
		if err != nil {
			return nil, err
		}
		r.Figures = append(r.Figures, figs...)
	}
	return r, nil
}

// Law is the scaling law of a sweep.
type Law struct {
	Sweep string
	Fit   *scaling.Result
	Timed *scaling.Result // nil if there is none
}

// LawRow is one variant of a law.
type LawRow struct {
	scaling.Curve
	Advantage string // over FLOPs, with its interval
	InTime    string // over seconds
}

// Rows are the variants of the law.
func (l Law) Rows() []LawRow {
	var out []LawRow
	for _, c := range l.Fit.Fits {
		out = append(out, LawRow{c, advantageText(l.Fit, c.Variant), advantageText(l.Timed, c.Variant)})
	}
	return out
}

func advantageText(f *scaling.Result, variant string) string {
	if f == nil {
		return "–"
	}
	for _, a := range f.Advantages {
		if a.Variant == variant {
			return fmt.Sprintf("%.2f (%s to %s)", a.Advantage, Ratio(a.Low), Ratio(a.High))
		}
	}
	return "1"
}

// Far is what the law says of a model far beyond the runs, once for all variants
// of which it can say nothing for the same reason.
func (l Law) Far() []string {
	var out []string
	because := map[string][]string{}
	var order []string
	for _, e := range l.Fit.Extrapolation {
		switch {
		case e.Supported:
			out = append(out, e.Statement)
		case because[e.Reason] == nil:
			order = append(order, e.Reason)
			fallthrough
		default:
			because[e.Reason] = append(because[e.Reason], e.Variant)
		}
	}
	for _, reason := range order {
		out = append(out, scaling.Unsupported(listText(because[reason]), reason))
	}
	return out
}
