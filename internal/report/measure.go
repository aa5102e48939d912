package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"dsconv/internal/stats"
)

// begun is how far a run must have come from guessing to all that there is to learn, one run at
// least, before a task tells variants apart.
const begun = 0.1

// solved is the accuracy from which a recall run counts as a success.
const solved = 0.99

// learned is the accuracy whose step is the speed of learning.
const learned = 0.9

// measure is a number of a run that claims are about.
type measure struct {
	name     string
	unit     string
	better   float64 // 1: higher is better; -1: lower
	of       func(*Run) float64
	text     func(float64) string
	tuned    bool // of runs that differ in their tuning only, the best counts
	accuracy bool // a share of right answers: a task can be too easy to tell variants apart
	// learned is how much of what there is to learn an outcome shows: 0 by guessing, 1 at most.
	// Nil: the measure does not say.
	learned  func(r *Run, x float64) float64
	settings bool // it is about settings, where there are several, not about seeds
}

var measures = map[string]measure{
	"accuracy": {name: "accuracy", better: 1, of: endAccuracy, text: decimals(3), accuracy: true, learned: learnedByAccuracy},
	"loss":     {name: "validation loss", unit: "nats", better: -1, of: endLoss, text: decimals(4), learned: learnedByLoss},
	"steps":    {name: "steps to 0.9", unit: "steps", better: -1, of: func(r *Run) float64 { s, _ := r.stepsTo(learned); return s }, text: decimals(0)},
	"speed":    {name: "training speed", unit: "tokens/s", better: 1, of: func(r *Run) float64 { return r.Last().TokensPerSecond }, text: Count},
	// MAD's: the best run of each setting, and the mean over settings.
	"score":      {name: "score", better: 1, of: endAccuracy, text: decimals(3), tuned: true, accuracy: true, settings: true, learned: learnedByAccuracy},
	"tuned-loss": {name: "validation loss at the best learning rate", unit: "nats", better: -1, of: endLoss, text: decimals(4), tuned: true, learned: learnedByLoss},
}

// decimals writes numbers with so many places after the point.
func decimals(n int) func(float64) string {
	return func(v float64) string { return strconv.FormatFloat(v, 'f', n, 64) }
}

func endAccuracy(r *Run) float64 { return r.Last().EvalAccuracy }
func endLoss(r *Run) float64     { return r.Last().EvalLoss }

func learnedByAccuracy(r *Run, x float64) float64 {
	floor := floorOf(r)
	return (x - floor) / (1 - floor)
}

// learnedByLoss counts from the loss of a model that takes every token for as likely to the loss
// of the generator itself, or to 0 where that is not known.
func learnedByLoss(r *Run, x float64) float64 {
	guessing, best := math.Log(float64(r.Config.Task.Vocabulary())), r.Last().Oracle
	if math.IsNaN(best) {
		best = 0
	}
	return (guessing - x) / (guessing - best)
}

// paired are the outcomes of two variants in the settings and seeds that both have.
type paired struct {
	x, y   []*Run
	xs, ys []float64
}

// pair matches the runs of two variants of a sweep that have the same seed and
// setting. A variant that an axis does not touch, as base is not by the width of a
// convolution, is run once and stands beside all values of that axis. Runs without
// a number are left out on both sides.
func pair(runs []*Run, sweep, x, y string, m measure) paired {
	var p paired
	mine, others := pick(runs, sweep, x), pick(runs, sweep, y)
	sortRuns(mine)
	for _, r := range mine {
		for _, o := range others {
			if r.Seed != o.Seed || !r.fits(o) {
				continue
			}
			a, b := m.of(r), m.of(o)
			if math.IsNaN(a) || math.IsNaN(b) {
				continue
			}
			p.x, p.y = append(p.x, r), append(p.y, o)
			p.xs, p.ys = append(p.xs, a), append(p.ys, b)
			break
		}
	}
	return p
}

// hasBegun says whether any run has learned something of its task, as far as m tells.
func (p paired) hasBegun(m measure) bool {
	for i := range p.x {
		if m.learned == nil || max(m.learned(p.x[i], p.xs[i]), m.learned(p.y[i], p.ys[i])) >= begun {
			return true
		}
	}
	return false
}

// gain compares x with y so that above zero is better.
func (p paired) gain(m measure) stats.Comparison {
	a, b := make([]float64, len(p.xs)), make([]float64, len(p.xs))
	for i := range a {
		a[i], b[i] = m.better*p.xs[i], m.better*p.ys[i]
	}
	return compare(p.x, a, b, m)
}

// compare sets outcomes of runs, and what they are held against, side by side. Runs of one
// seed share data, and often the weights to begin with, so a seed counts once, with its mean
// over settings. A measure that is about settings counts each setting once, where there are several.
func compare(runs []*Run, x, y []float64, m measure) stats.Comparison {
	unit := func(r *Run) string { return strconv.FormatInt(r.Seed, 10) }
	if m.settings && len(cellsOf(runs)) > 1 {
		unit = (*Run).cell
	}
	at := map[string][]int{}
	for i, r := range runs {
		at[unit(r)] = append(at[unit(r)], i)
	}
	var xs, ys []float64
	for _, u := range slices.Sorted(maps.Keys(at)) {
		xs, ys = append(xs, meanAt(x, at[u])), append(ys, meanAt(y, at[u]))
	}
	return stats.Compare(xs, ys)
}

// meanAt is the mean of the values at the places given.
func meanAt(values []float64, places []int) float64 {
	sum := 0.0
	for _, i := range places {
		sum += values[i]
	}
	return sum / float64(len(places))
}

// outcome describes what a variant did in one setting: for recall by median, range and
// successes, since a mean of two heaps says nothing.
func outcome(name string, runs []*Run, values []float64, m measure) string {
	s := stats.SpreadOf(values)
	text := strings.TrimSpace(name + " " + m.text(s.Median))
	if s.N > 1 && m.text(s.Min) != m.text(s.Max) {
		text += fmt.Sprintf(" (%s–%s)", m.text(s.Min), m.text(s.Max))
	}
	switch {
	case m.accuracy:
		text += fmt.Sprintf(", %.0f/%d solved", stats.Share(values, solved)*float64(s.N), s.N)
	case m.name == measures["steps"].name:
		if n := reached(runs); n < len(runs) {
			text += fmt.Sprintf(", %d/%d get there", n, len(runs))
		}
	}
	if tried := runs[0].Tried; tried > 1 {
		text += fmt.Sprintf(", best of %d runs each", tried)
	}
	return text
}

func reached(runs []*Run) (n int) {
	for _, r := range runs {
		if _, ok := r.stepsTo(learned); ok {
			n++
		}
	}
	return n
}

// intervalText writes an interval of m.
func intervalText(low, high stats.Bound, text func(float64) string) string {
	end := func(b stats.Bound) string {
		if !b.Finite() {
			if b < 0 {
				return "−∞"
			}
			return "∞"
		}
		return signed(float64(b), text)
	}
	return end(low) + " to " + end(high)
}

// signed writes a difference with its sign.
func signed(v float64, text func(float64) string) string {
	if v < 0 {
		return "−" + text(-v)
	}
	return "+" + text(v)
}
