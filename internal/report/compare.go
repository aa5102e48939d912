package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dsconv/internal/runs"
	"dsconv/internal/stats"
)

// Compared sets groups of runs side by side. Runs of a group differ in nothing but
// their seed.
type Compared struct {
	Settings    []string     `json:"settings"` // keys in which the groups differ
	Groups      []Group      `json:"groups"`
	Differences []Difference `json:"differences"` // of each group from the first, or the first's variant in the same setting
}

// Group is what the seeds of one configuration did.
type Group struct {
	Name     string            `json:"name"`
	Settings map[string]string `json:"settings"` // those that differ between groups; unset keys are missing
	Seeds    []int64           `json:"seeds"`
	Dirs     []string          `json:"dirs"`
	Task     string            `json:"task"` // its kind
	Params   float64           `json:"params"`
	Metrics  map[string]Metric `json:"metrics"` // by name, see Measures
	runs     []*Run
}

// Metric is a number of a group, without its mean.
type Metric struct {
	stats.Spread
	Guessing float64 `json:"guessing,omitempty"` // accuracy of guessing
	Text     string  `json:"-"`
}

// Difference compares a group with the first over the seeds that both have.
type Difference struct {
	Of      string           `json:"of"`
	Over    string           `json:"over"`
	Measure string           `json:"measure"`
	Better  string           `json:"better"` // higher or lower
	Change  stats.Comparison `json:"change"`
	Words   string           `json:"words"`
	Text    string           `json:"-"`
}

// Measures are the metrics of a comparison, in order.
var Measures = []string{"loss", "accuracy", "steps", "speed"}

// Compare groups finished runs by their settings. reference names the group that
// the others are compared with; empty: "base" if there is one, or the first.
func Compare(all []*Run, reference string) (*Compared, error) {
	groups, err := groupRuns(all)
	if err != nil {
		return nil, err
	}
	wanted := cmp.Or(reference, "base")
	at := slices.IndexFunc(groups, func(g Group) bool { return g.Name == wanted })
	if at < 0 { // a variant that was run in several settings
		at = slices.IndexFunc(groups, func(g Group) bool { return g.runs[0].Variant == wanted })
	}
	switch {
	case at < 0 && reference != "":
		var names []string
		for _, g := range groups {
			names = append(names, g.Name)
		}
		return nil, fmt.Errorf("runs: compare: no group is called %q; there are %s", reference, listText(names))
	case at > 0:
		g := groups[at]
		groups = slices.Insert(slices.Delete(groups, at, at+1), 0, g)
	}
	c := &Compared{Groups: groups, Settings: []string{}, Differences: []Difference{}}
	seen := map[string]bool{}
	for _, g := range groups {
		for k := range g.Settings {
			seen[k] = true
		}
	}
	for _, g := range groups { // the schema's order
		list, err := runs.Settings(g.runs[0].Config)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			if seen[s.Key] && !slices.Contains(c.Settings, s.Key) {
				c.Settings = append(c.Settings, s.Key)
			}
		}
	}
	for _, g := range groups[1:] {
		base, ok := counterpart(g, groups)
		if !ok {
			continue
		}
		for _, name := range Measures {
			if d, ok := difference(g, base, name); ok {
				c.Differences = append(c.Differences, d)
			}
		}
	}
	return c, nil
}

// counterpart is the group that g is compared with: the first, or, where the first
// group's variant was run in several settings as a ladder's is in several sizes, the
// one of g's setting. ok is false for those groups themselves, and where the first group
// is of another task: numbers of different tasks have no difference.
func counterpart(g Group, groups []Group) (base Group, ok bool) {
	first := groups[0].runs[0]
	if g.runs[0].Variant == first.Variant && g.runs[0].Sweep == first.Sweep && len(first.Axes) > 0 {
		return Group{}, false
	}
	for _, b := range groups {
		r := b.runs[0]
		if r.Variant == first.Variant && r.Sweep == first.Sweep && r.cell() == g.runs[0].cell() && b.Task == g.Task {
			return b, true
		}
	}
	return groups[0], groups[0].Task == g.Task
}

// groupRuns sorts runs into groups of equal settings, the seed aside.
func groupRuns(all []*Run) ([]Group, error) {
	var groups []Group
	var settings []map[string]string
	const idle = "" // of a key that others leave without effect
	index := map[string]int{}
	for _, r := range all {
		list, err := runs.Settings(r.Config)
		if err != nil {
			return nil, fmt.Errorf("runs: %s: %w", r.Dir, err)
		}
		effective, err := runs.Settings(r.Config.Effective())
		if err != nil {
			return nil, fmt.Errorf("runs: %s: %w", r.Dir, err)
		}
		mine := map[string]string{}
		var key strings.Builder
		for _, s := range list {
			switch {
			case s.Key == "seed":
			case slices.Contains(effective, s):
				mine[s.Key] = s.Value
				fmt.Fprintf(&key, "%s=%s\n", s.Key, s.Value)
			default:
				mine[s.Key] = idle
			}
		}
		i, ok := index[key.String()]
		if !ok {
			i = len(groups)
			index[key.String()] = i
			groups = append(groups, Group{Name: groupName(r), Task: r.Config.Task.Kind, Params: r.Params})
			settings = append(settings, mine)
		}
		g := &groups[i]
		if !slices.Contains(g.Seeds, r.Seed) { // a run that was made twice counts once
			g.Seeds, g.Dirs, g.runs = append(g.Seeds, r.Seed), append(g.Dirs, r.Dir), append(g.runs, r)
		}
	}
	for i := range groups {
		g := &groups[i]
		g.Settings = map[string]string{}
		for k, v := range settings[i] {
			for j := range settings {
				if w, ok := settings[j][k]; v != idle && w != v && (!ok || w != idle) {
					g.Settings[k] = v
				}
			}
		}
		g.Metrics = map[string]Metric{}
		for _, name := range Measures {
			m := measures[name]
			if name == "steps" && !g.runs[0].isRecall() || name == "accuracy" && !g.runs[0].isRecall() {
				continue
			}
			if values := finite(g.runs, m); len(values) > 0 {
				metric := Metric{Spread: stats.SpreadOf(values), Text: outcome("", g.runs, values, m)}
				if m.accuracy {
					metric.Guessing = floorOf(g.runs[0])
					metric.Text += ", guessing " + m.text(metric.Guessing)
				}
				g.Metrics[name] = metric
			}
		}
	}
	distinct(groups)
	return groups, nil
}

// groupName is the variant's name with the sweep's other axes.
func groupName(r *Run) string {
	return strings.TrimSpace(r.Variant + " " + r.cell())
}

// learns says whether a run of the group gets to the accuracy whose step is measured.
func (g Group) learns() bool {
	return slices.ContainsFunc(g.runs, func(r *Run) bool { _, ok := r.stepsTo(learned); return ok })
}

// distinct numbers groups that have the same name.
func distinct(groups []Group) {
	count := map[string]int{}
	for i := range groups {
		name := groups[i].Name
		count[name]++
		if n := count[name]; n > 1 {
			groups[i].Name = fmt.Sprintf("%s (%d)", name, n)
		}
	}
}

// difference compares two groups over the seeds that both have. Steps to an accuracy that no run
// reaches are only the ends of the runs, and have none.
func difference(g, base Group, name string) (Difference, bool) {
	if _, ok := g.Metrics[name]; !ok || name == "steps" && !g.learns() && !base.learns() {
		return Difference{}, false
	}
	m := measures[name]
	var xs, ys []float64
	for _, r := range g.runs {
		for _, o := range base.runs {
			if r.Seed == o.Seed {
				if a, b := m.of(r), m.of(o); a == a && b == b {
					xs, ys = append(xs, a), append(ys, b)
				}
			}
		}
	}
	d := Difference{Of: g.Name, Over: base.Name, Measure: m.name, Better: "higher", Change: stats.Compare(xs, ys)}
	if m.better < 0 {
		d.Better = "lower"
	}
	switch d.Words = d.Change.Words(); {
	case d.Change.IsGreater():
		d.Words += fmt.Sprintf(", exact p=%.3f", d.Change.Greater)
	case d.Change.IsLess():
		d.Words += fmt.Sprintf(", exact p=%.3f", d.Change.Less)
	}
	d.Text = fmt.Sprintf("%s (%s)", signed(d.Change.Mean, m.text), intervalText(d.Change.Low, d.Change.High, m.text))
	return d, true
}
