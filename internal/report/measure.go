package report

import (
	"fmt"
	"math"
	"strings"

	"dsconv/internal/stats"
)

// solved is the accuracy from which a recall run counts as a success (paper §6.2).
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
	accuracy bool // a share of right answers, which can be too easy to tell variants apart
}

var measures = map[string]measure{
	"accuracy": {"accuracy", "", 1, endAccuracy, func(v float64) string { return fmt.Sprintf("%.3f", v) }, false, true},
	"loss":     {"validation loss", "nats", -1, endLoss, func(v float64) string { return fmt.Sprintf("%.4f", v) }, false, false},
	"steps": {"steps to 0.9", "steps", -1, func(r *Run) float64 { s, _ := r.stepsTo(learned); return s },
		func(v float64) string { return fmt.Sprintf("%.0f", v) }, false, false},
	"speed": {"training speed", "tokens/s", 1, func(r *Run) float64 { return r.Last().TokensPerSecond }, Count, false, false},
	// MAD's: the best run of each setting, and the mean over settings (paper §3.4).
	"score":      {"score", "", 1, endAccuracy, func(v float64) string { return fmt.Sprintf("%.3f", v) }, true, true},
	"tuned-loss": {"validation loss at the best learning rate", "nats", -1, endLoss, func(v float64) string { return fmt.Sprintf("%.4f", v) }, true, false},
}

func endAccuracy(r *Run) float64 { return r.Last().EvalAccuracy }
func endLoss(r *Run) float64     { return r.Last().EvalLoss }

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

// gain compares x with y so that above zero is better.
func (p paired) gain(m measure) stats.Comparison {
	a, b := make([]float64, len(p.xs)), make([]float64, len(p.xs))
	for i := range a {
		a[i], b[i] = m.better*p.xs[i], m.better*p.ys[i]
	}
	return stats.Compare(a, b)
}

// outcome describes what a variant did: for recall by median, range and successes,
// since a mean of two heaps says nothing.
func outcome(name string, runs []*Run, values []float64, m measure) string {
	s := stats.SpreadOf(values)
	text := strings.TrimSpace(name + " " + m.text(s.Median))
	if s.N > 1 && m.text(s.Min) != m.text(s.Max) {
		text += fmt.Sprintf(" (%s–%s)", m.text(s.Min), m.text(s.Max))
	}
	switch m.name {
	case measures["accuracy"].name:
		text += fmt.Sprintf(", %.0f/%d solved", stats.Share(values, solved)*float64(s.N), s.N)
	case measures["steps"].name:
		if n := reached(runs); n < len(runs) {
			text += fmt.Sprintf(", %d/%d get there", n, len(runs))
		}
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
