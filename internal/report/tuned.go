package report

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"dsconv/internal/stats"
)

// tuningAxis says whether an axis of a sweep tunes the training, such as optim.lr: of
// runs that differ on such axes only, MAD and Zoology count the best.
func tuningAxis(key string) bool { return strings.HasPrefix(key, "optim.") }

// best keeps, of a variant's runs that differ in their tuning only, the one that is best
// on m, and takes the tuning off its axes. Variants must have been tuned alike, so in
// each setting and seed only the tunings count that every variant there has finished.
func best(runs []*Run, m measure) []*Run {
	type group struct {
		variants []string
		by       map[string]map[string]*Run // variant, tuning
	}
	groups := map[string]*group{}
	var order []string
	for _, r := range runs {
		if math.IsNaN(m.of(r)) {
			continue
		}
		setting, tuning := *r, *r
		setting.Axes, tuning.Axes = maps.Clone(r.Axes), maps.Clone(r.Axes)
		maps.DeleteFunc(setting.Axes, func(k, _ string) bool { return tuningAxis(k) })
		maps.DeleteFunc(tuning.Axes, func(k, _ string) bool { return !tuningAxis(k) })
		key := r.Sweep + "|" + setting.key()
		g := groups[key]
		if g == nil {
			g = &group{by: map[string]map[string]*Run{}}
			groups[key] = g
			order = append(order, key)
		}
		if g.by[r.Variant] == nil {
			g.by[r.Variant] = map[string]*Run{}
			g.variants = append(g.variants, r.Variant)
		}
		setting.Tried = 1
		g.by[r.Variant][tuning.cell()] = &setting
	}
	var out []*Run
	for _, key := range order {
		g := groups[key]
		common := slices.Sorted(maps.Keys(g.by[g.variants[0]]))
		for _, v := range g.variants[1:] {
			common = slices.DeleteFunc(common, func(t string) bool { return g.by[v][t] == nil })
		}
		if len(common) == 0 {
			continue
		}
		for _, v := range g.variants {
			top := g.by[v][common[0]]
			for _, t := range common[1:] {
				if r := g.by[v][t]; m.better*m.of(r) > m.better*m.of(top) {
					top = r
				}
			}
			top.Tried = len(common)
			out = append(out, top)
		}
	}
	return out
}

// score is the benchmark's number of a variant: the mean over settings, each the median
// over its seeds, of runs that best has chosen.
func score(runs []*Run, m measure) (mean float64, settings int) {
	by := map[string][]float64{}
	for _, r := range runs {
		if x := m.of(r); !math.IsNaN(x) {
			by[r.cell()] = append(by[r.cell()], x)
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(by)) {
		mean += stats.Median(by[setting]) / float64(len(by))
	}
	return mean, len(by)
}

// scoreText writes a variant's score with what it is a mean of.
func scoreText(name string, runs []*Run, m measure) string {
	mean, settings := score(runs, m)
	tried := 0
	for _, r := range runs {
		tried = max(tried, r.Tried)
	}
	text := fmt.Sprintf("%s %s", name, m.text(mean))
	var of []string
	if settings > 1 {
		of = append(of, fmt.Sprintf("mean of %d settings", settings))
	}
	if tried > 1 {
		of = append(of, fmt.Sprintf("best of %d runs each", tried))
	}
	if len(of) > 0 {
		text += " (" + strings.Join(of, ", ") + ")"
	}
	return text
}

// judgeReaches asks whether `of` gets to a value in every setting: its median over
// seeds, at the best tuning where the measure takes that.
func judgeReaches(c Claim, e evidence) Row {
	m := measures[c.Measure]
	r := Row{Claim: c}
	var mine []*Run
	for _, run := range pick(e.runs, c.Sweep, c.Of) {
		if !math.IsNaN(m.of(run)) {
			mine = append(mine, run)
		}
	}
	r.N, r.Sizes = len(mine), sizesText(mine)
	if r.N == 0 {
		r.Verdict, r.Why = NotRun, fmt.Sprintf("no finished run of %s", c.Of)
		return r
	}
	var there, short, ours []string
	for _, setting := range cellsOf(mine) {
		var values, steps, seconds []float64
		for _, run := range ofCell(mine, setting) {
			values, steps, seconds = append(values, m.of(run)), append(steps, float64(run.Last().Step)), append(seconds, run.Last().Seconds)
		}
		median := stats.Median(values)
		name := fmt.Sprintf("%s %s", strings.TrimSpace(c.Of+" "+setting), m.text(median))
		if m.better*median >= m.better*c.Value {
			there = append(there, name)
		} else {
			short = append(short, name)
		}
		ours = append(ours, fmt.Sprintf("%s, %.0f steps, %.0f s", name, stats.Median(steps), stats.Median(seconds)))
	}
	r.Ours = strings.Join(ours, "; ")
	if len(short) > 0 {
		r.Verdict, r.Why = NotReproduced, fmt.Sprintf("%s does not get to %s (n=%d)", listText(short), m.text(c.Value), r.N)
	} else {
		r.Verdict, r.Why = Reproduced, fmt.Sprintf("%s: at least %s (n=%d)", listText(there), m.text(c.Value), r.N)
	}
	return r
}
