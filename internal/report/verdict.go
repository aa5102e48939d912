package report

import (
	"fmt"
	"slices"
	"strings"

	"dsconv/internal/scaling"
	"dsconv/internal/stats"
)

// Verdict is what the runs say of a claim.
type Verdict string

// The verdicts. Reproduced speaks of the direction at our sizes, not of the
// paper's number.
const (
	Reproduced    Verdict = "reproduced"
	NotReproduced Verdict = "not reproduced"
	Inconclusive  Verdict = "inconclusive"
	NotRun        Verdict = "not run"
)

// Row is a claim with what was measured.
type Row struct {
	Claim
	Ours    string   `json:"ours"`
	Sizes   string   `json:"sizes,omitempty"`
	N       int      `json:"n"` // seeds, or settings where the measure is about them
	Verdict Verdict  `json:"verdict"`
	Why     string   `json:"why"`
	Parts   []Part   `json:"parts,omitempty"`
	Notes   []string `json:"notes,omitempty"` // doubts of a fit
}

// Part is one comparison of a claim. Gains above zero favour the first variant.
type Part struct {
	Of      string           `json:"of"`
	Over    string           `json:"over"`
	Measure string           `json:"measure"`
	Gain    stats.Comparison `json:"gain"`
	Verdict Verdict          `json:"verdict"`
	Why     string           `json:"why"`
}

// evidence is what verdicts are computed from.
type evidence struct {
	runs  []*Run
	fits  map[string]*scaling.Result // by sweep
	steps *StepTimes                 // nil: not measured
}

// ofTask is the evidence of one task; no name is any task.
func (e evidence) ofTask(kind string) evidence {
	if kind == "" {
		return e
	}
	out := evidence{fits: e.fits, steps: e.steps}
	for _, r := range e.runs {
		if r.Config.Task.Kind == kind {
			out.runs = append(out.runs, r)
		}
	}
	return out
}

// tuned is the evidence of a claim whose measure takes the best tuning.
func (e evidence) tuned(c Claim) evidence {
	m := measures[c.Measure]
	if !m.tuned {
		return e
	}
	out := evidence{fits: e.fits, steps: e.steps}
	for _, v := range c.variants() {
		out.runs = append(out.runs, pick(e.runs, c.Sweep, v)...)
	}
	out.runs = best(out.runs, m)
	return out
}

// rule computes a verdict.
type rule struct {
	needs []string // keys of a claim
	judge func(c Claim, e evidence) Row
}

var rules map[string]rule

func init() {
	rules = map[string]rule{
		"better":      {[]string{"sweep", "measure", "of", "over"}, judgeBetter},
		"best":        {[]string{"sweep", "measure", "of", "over"}, judgeBest},
		"attribution": {[]string{"sweep", "measure", "of", "over", "controls", "lack"}, judgeAttribution},
		"share":       {[]string{"sweep", "measure", "of", "over", "controls"}, judgeShare},
		"advantage":   {[]string{"sweep", "of", "over", "value"}, judgeAdvantage},
		"overhead":    {[]string{"of", "over", "most"}, judgeOverhead},
		"reaches":     {[]string{"sweep", "measure", "of", "value"}, judgeReaches},
		"parameters":  {[]string{"model", "conv", "value"}, judgeParameters},
	}
}

// enough is the fewest pairs that may refute a claim by their interval.
const enough = 3

// better is the verdict on "of beats over": by the exact paired test at 5 % if the
// difference is there or the other way round, and not reproduced as well if the
// interval leaves no room for a gain of at least the margin, however sure a smaller one
// is.
func (e evidence) better(c Claim, of, over string, margin float64) Part {
	m := measures[c.Measure]
	p := pair(e.runs, c.Sweep, of, over, m)
	g := p.gain(m)
	part := Part{Of: of, Over: over, Measure: m.name, Gain: g}
	interval := fmt.Sprintf("gain %s (95 %% interval %s), n=%d", signed(g.Mean, m.text), intervalText(g.Low, g.High, m.text), g.N)
	switch {
	case g.N == 0:
		part.Verdict, part.Why = NotRun, fmt.Sprintf("no finished pair of %s and %s", of, over)
	case m.accuracy && stats.Share(p.xs, solved) == 1 && stats.Share(p.ys, solved) == 1:
		part.Verdict, part.Why = Inconclusive, fmt.Sprintf("%s and %s both solve the task on all %d seeds: it is too easy to tell them apart", of, over, g.N)
	case !p.hasBegun(m):
		part.Verdict, part.Why = Inconclusive, fmt.Sprintf("neither %s nor %s gets a tenth of the way from guessing to all that there is to learn: the task is too hard, or the runs are too short, to tell them apart", of, over)
	case g.N >= enough && margin > 0 && float64(g.High) < margin && !g.IsLess():
		part.Verdict, part.Why = NotReproduced, fmt.Sprintf("no gain of %s over %s worth %s: %s", of, over, m.text(margin), interval)
	case g.IsGreater():
		part.Verdict, part.Why = Reproduced, fmt.Sprintf("%s beats %s: %s, exact p=%.3f", of, over, interval, g.Greater)
	case g.IsLess():
		part.Verdict, part.Why = NotReproduced, fmt.Sprintf("the other way round, %s beats %s: %s, exact p=%.3f", over, of, interval, g.Less)
	default:
		part.Verdict, part.Why = Inconclusive, fmt.Sprintf("%s against %s: %s (%s)", of, over, g.Words(), interval)
	}
	return part
}

// combine is the verdict on a claim of several parts: all must be reproduced, and
// one that fails is enough to fail.
func combine(parts []Part) (Verdict, string) {
	by := map[Verdict][]string{}
	for _, p := range parts {
		by[p.Verdict] = append(by[p.Verdict], p.Why)
	}
	switch {
	case len(by[NotReproduced]) > 0:
		return NotReproduced, strings.Join(by[NotReproduced], "; ")
	case len(by[NotRun]) == len(parts):
		return NotRun, strings.Join(by[NotRun], "; ")
	case len(by[Reproduced]) == len(parts):
		return Reproduced, strings.Join(by[Reproduced], "; ")
	}
	return Inconclusive, strings.Join(append(by[Inconclusive], by[NotRun]...), "; ")
}

// describe fills in what was measured.
func (r *Row) describe(e evidence, m measure) {
	var texts []string
	var floor *Run // of one setting
	for _, v := range r.Claim.variants() {
		mine := pick(e.runs, r.Sweep, v)
		var have []*Run
		var values []float64
		for _, run := range mine {
			if x := m.of(run); x == x {
				have, values = append(have, run), append(values, x)
			}
		}
		if len(values) == 0 {
			continue
		}
		switch several := len(cellsOf(have)) > 1; {
		case !several:
			texts = append(texts, outcome(v, have, values, m))
			floor = have[0]
		case m.settings:
			texts = append(texts, scoreText(v, have, m))
		default: // values of several sizes have no common spread; the gains are told instead
		}
	}
	if len(texts) == 0 {
		for _, p := range r.Parts {
			if p.Gain.N > 0 {
				texts = append(texts, fmt.Sprintf("%s over %s: gain %s %s (%s), n=%d", p.Of, p.Over, signed(p.Gain.Mean, m.text), m.unit, intervalText(p.Gain.Low, p.Gain.High, m.text), p.Gain.N))
			}
		}
	}
	if floor != nil && m.accuracy {
		texts = append(texts, "guessing "+m.text(floorOf(floor)))
	}
	r.Ours = strings.Join(texts, "; ")
	if len(texts) > 0 && m.name == measures["steps"].name {
		r.Ours = "steps to 0.9: " + r.Ours
	}
	for _, p := range r.Parts {
		r.N = max(r.N, p.Gain.N)
	}
	var used []*Run
	for _, v := range r.Claim.variants() {
		used = append(used, pick(e.runs, r.Sweep, v)...)
	}
	r.Sizes = sizesText(used)
}

// judgeBetter wants `of` to beat each of `over`, and each of `over` the next one: a
// chain such as dynamic over static over none.
func judgeBetter(c Claim, e evidence) Row {
	return judgePairs(c, e, append([]string{c.Of}, c.Over...))
}

// judgeBest wants `of` to beat every one of `over`.
func judgeBest(c Claim, e evidence) Row {
	return judgePairs(c, e, slices.Repeat([]string{c.Of}, len(c.Over)))
}

// judgePairs wants each of `over` to be beaten by the variant at its place in winners.
func judgePairs(c Claim, e evidence, winners []string) Row {
	r := Row{Claim: c}
	for i, over := range c.Over {
		r.Parts = append(r.Parts, e.better(c, winners[i], over, c.Margin))
	}
	r.Verdict, r.Why = combine(r.Parts)
	r.describe(e, measures[c.Measure])
	return r
}

// judgeAttribution asks whether the gain of `of` over `over` needs what the
// controls lack. Reproduced: `of` beats every control. Not reproduced: some control
// clearly keeps more than half of the gain.
func judgeAttribution(c Claim, e evidence) Row {
	m := measures[c.Measure]
	r := Row{Claim: c}
	over := c.Over[0]
	gain := e.better(c, c.Of, over, 0)
	r.Parts = append(r.Parts, gain)
	var refute []string
	worst := 0.0
	for _, control := range c.Controls {
		part := e.better(c, c.Of, control, 0)
		if part.Verdict != NotRun {
			if half := keepsHalf(e.runs, c, control, m); half.IsGreater() {
				part.Verdict = NotReproduced
				part.Why = fmt.Sprintf("%s, %s, keeps more than half of the gain over %s (n=%d, exact p=%.3f)", control, c.Lack, over, half.N, half.Greater)
				refute, worst = append(refute, control), max(worst, half.Greater)
			}
		}
		r.Parts = append(r.Parts, part)
	}
	if gain.Verdict == NotRun {
		r.Verdict, r.Why = NotRun, gain.Why
	} else if gain.Verdict != Reproduced {
		r.Verdict, r.Why = Inconclusive, "there is no clear gain to explain: "+gain.Why
	} else if len(refute) > 0 {
		verb := " keeps"
		if len(refute) > 1 {
			verb = " each keep"
		}
		r.Verdict, r.Why = NotReproduced, fmt.Sprintf("%s, %s,%s more than half of the gain of %s over %s (n=%d, exact p≤%.3f)", listText(refute), c.Lack, verb, c.Of, over, gain.Gain.N, worst)
	} else {
		r.Verdict, r.Why = combine(r.Parts)
	}
	r.describe(e, m)
	return r
}

// listText joins names: a, b and c.
func listText(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// keepsHalf compares a control's gain over `over` with half the gain of `of`.
func keepsHalf(runs []*Run, c Claim, control string, m measure) stats.Comparison {
	full := pair(runs, c.Sweep, c.Of, c.Over[0], m)
	index := map[string]int{}
	for i, r := range full.x {
		index[r.key()] = i
	}
	var both []*Run
	var kept, half []float64
	with := pair(runs, c.Sweep, control, c.Over[0], m)
	for i, r := range with.x {
		if j, ok := index[r.key()]; ok {
			both = append(both, r)
			kept = append(kept, m.better*(with.xs[i]-with.ys[i]))
			half = append(half, m.better*(full.xs[j]-full.ys[j])/2)
		}
	}
	return compare(both, kept, half, m)
}

// judgeShare asks whether the control keeps most of the gain of `of` over `over`.
func judgeShare(c Claim, e evidence) Row {
	m := measures[c.Measure]
	r := Row{Claim: c}
	over, control := c.Over[0], c.Controls[0]
	gain, part := e.better(c, c.Of, over, 0), e.better(c, control, over, 0)
	r.Parts = []Part{gain, part}
	half := keepsHalf(e.runs, c, control, m)
	switch {
	case gain.Verdict == NotRun || part.Verdict == NotRun:
		r.Verdict, r.Why = NotRun, strings.Join(reasons(NotRun, r.Parts), "; ")
	case gain.Verdict != Reproduced:
		r.Verdict, r.Why = Inconclusive, "there is no clear gain to share: "+gain.Why
	case half.IsGreater():
		r.Verdict, r.Why = Reproduced, fmt.Sprintf("%s keeps more than half of the gain (n=%d, exact p=%.3f)", control, half.N, half.Greater)
	case half.IsLess():
		r.Verdict, r.Why = NotReproduced, fmt.Sprintf("%s keeps less than half of the gain (n=%d, exact p=%.3f)", control, half.N, half.Less)
	default:
		r.Verdict, r.Why = Inconclusive, fmt.Sprintf("whether %s keeps half of the gain is %s (n=%d)", control, half.Words(), half.N)
	}
	r.describe(e, m)
	if gain.Gain.N > 0 && part.Gain.N > 0 && gain.Gain.Mean > 0 {
		r.Ours = fmt.Sprintf("%.0f %% of the gain; %s", 100*part.Gain.Mean/gain.Gain.Mean, r.Ours)
	}
	return r
}

func reasons(v Verdict, parts []Part) (out []string) {
	for _, p := range parts {
		if p.Verdict == v {
			out = append(out, p.Why)
		}
	}
	return out
}

// judgeAdvantage reads the compute advantage off the scaling law: reproduced if its
// whole interval lies above 1, not reproduced if it lies below, and neither where the
// law does not describe the runs.
func judgeAdvantage(c Claim, e evidence) Row {
	r := Row{Claim: c, Verdict: NotRun, Why: fmt.Sprintf("no law could be fitted to %s of sweep %s", c.Of, c.Sweep)}
	f := e.fits[c.Sweep]
	if f == nil || f.Base != c.Over[0] {
		return r
	}
	for _, a := range f.Advantages {
		if a.Variant != c.Of {
			continue
		}
		ratio := func(v float64) string { return fmt.Sprintf("%.2f×", v) }
		interval := Ratio(a.Low) + " to " + Ratio(a.High)
		r.N = a.Runs
		r.Ours = fmt.Sprintf("%s (%s), %d runs, %d seeds", ratio(a.Advantage), interval, a.Runs, a.Seeds)
		r.Sizes = sizesText(append(pick(e.runs, c.Sweep, c.Of), pick(e.runs, c.Sweep, c.Over[0])...))
		var mine, rejected []scaling.Warning
		for _, w := range f.Warnings {
			if w.Variant == "" || w.Variant == c.Of || w.Variant == f.Base {
				mine = append(mine, w)
				if w.Code.Rejects() {
					rejected = append(rejected, w)
				}
			}
		}
		r.Notes = scaling.Doubts(mine)
		switch {
		case len(rejected) > 0:
			r.Verdict, r.Why = Inconclusive, fmt.Sprintf("the law does not carry a number (%s): %s", strings.Join(scaling.Doubts(rejected), "; "), interval)
		case a.Low > 1:
			r.Verdict, r.Why = Reproduced, fmt.Sprintf("the direction: the whole interval %s lies above 1; the paper's %s lies %s it", interval, ratio(c.Value), within(c.Value, a))
		case a.High < 1:
			r.Verdict, r.Why = NotReproduced, fmt.Sprintf("the whole interval %s lies below 1", interval)
		default:
			r.Verdict, r.Why = Inconclusive, fmt.Sprintf("the interval %s holds 1 (%d runs): within noise", interval, a.Runs)
		}
	}
	return r
}

func within(v float64, a scaling.Advantage) string {
	if float64(a.Low) <= v && v <= float64(a.High) {
		return "within"
	}
	return "outside"
}

// judge sets every claim beside the runs.
func judge(claims []Claim, e evidence) []Row {
	rows := make([]Row, len(claims))
	for i, c := range claims {
		rows[i] = rules[c.Rule].judge(c, e.ofTask(c.Task).tuned(c))
		if rows[i].Ours == "" {
			rows[i].Ours = "–"
		}
	}
	return rows
}
