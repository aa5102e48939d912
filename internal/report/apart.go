package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dsconv/internal/runs"
)

// Apart are finished runs that carry the name of a sweep, but cannot stand beside its
// other runs.
type Apart struct {
	Sweep string   `json:"sweep"`
	Dirs  []string `json:"dirs"`
	Why   string   `json:"why"`
}

// String says it in a line.
func (a Apart) String() string {
	n := "1 run"
	if len(a.Dirs) > 1 {
		n = fmt.Sprintf("%d runs", len(a.Dirs))
	}
	return fmt.Sprintf("sweep %s: %s left out (%s): %s", a.Sweep, n, a.Dirs[0], a.Why)
}

// KeepComparable moves to Apart the runs of sweeps that other settings than the rest's
// trained: another preset or profile, or --set. The runs of one variant at one point of
// the grid should differ in nothing but their seed. Where they do not, the settings that
// most variants have at that point count, then those of most runs, then of most FLOPs.
// A run that was made twice counts once.
//
// Variants may differ in any key, so a variant that has one setting only is of another
// one if that was left out of another variant; else it is taken at its word.
func (f *Found) KeepComparable() error {
	points := map[string][]*Run{}
	for _, r := range f.Runs {
		if r.Sweep != "" {
			key := r.Sweep + "|" + r.cell()
			points[key] = append(points[key], r)
		}
	}
	drop := map[*Run]string{}
	for _, key := range slices.Sorted(maps.Keys(points)) {
		if err := setApart(points[key], drop); err != nil {
			return err
		}
	}
	f.Runs = slices.DeleteFunc(f.Runs, func(r *Run) bool {
		why, dropped := drop[r]
		if !dropped {
			return false
		}
		i := slices.IndexFunc(f.Apart, func(a Apart) bool { return a.Sweep == r.Sweep && a.Why == why })
		if i < 0 {
			i = len(f.Apart)
			f.Apart = append(f.Apart, Apart{Sweep: r.Sweep, Why: why})
		}
		f.Apart[i].Dirs = append(f.Apart[i].Dirs, r.Dir)
		return true
	})
	return nil
}

// family are the runs of a variant at a point of the grid that differ in their seed only.
type family struct {
	variant string
	runs    []*Run
	values  map[string]string // of its keys
	setting string            // the values of the keys in which families of one variant differ
}

// setApart notes in drop which runs at a point of a sweep's grid do not count, and why.
func setApart(point []*Run, drop map[*Run]string) error {
	families, err := familiesOf(point, drop)
	if err != nil {
		return err
	}
	keys := unlike(families)
	if len(keys) == 0 {
		return nil
	}
	for _, f := range families {
		var parts []string
		for _, k := range keys {
			parts = append(parts, k+"="+cmp.Or(f.values[k], "unset"))
		}
		f.setting = strings.Join(parts, " ")
	}
	order := settingsOf(families)
	kept := map[string]string{} // the setting of a variant that counts
	several := map[string]bool{}
	for _, s := range order {
		for _, f := range families {
			if f.setting == s {
				several[f.variant] = kept[f.variant] != ""
				kept[f.variant] = cmp.Or(kept[f.variant], s)
			}
		}
	}
	instead := map[string]string{} // of a setting that was left out: one that counts
	for _, f := range families {
		if f.setting != kept[f.variant] {
			instead[f.setting] = kept[f.variant]
		}
	}
	for variant := range several {
		if several[variant] {
			delete(instead, kept[variant])
		}
	}
	for _, f := range families {
		other := kept[f.variant]
		if other == f.setting {
			other = instead[f.setting]
		}
		for _, r := range f.runs {
			if other != "" {
				drop[r] = fmt.Sprintf("%s, where the runs that count have %s", f.setting, other)
			}
		}
	}
	return nil
}

// familiesOf sorts the runs at a point of the grid, in their order.
func familiesOf(point []*Run, drop map[*Run]string) ([]*family, error) {
	var families []*family
	index := map[string]*family{}
	for _, r := range point {
		c := r.Config.Effective()
		c.Seed = 0
		key := r.Variant + "|" + c.Hash()
		f := index[key]
		if f == nil {
			settings, err := runs.Settings(c)
			if err != nil {
				return nil, fmt.Errorf("report: %s: %w", r.Dir, err)
			}
			f = &family{variant: r.Variant, values: map[string]string{}}
			for _, s := range settings {
				f.values[s.Key] = s.Value
			}
			index[key] = f
			families = append(families, f)
		}
		if slices.ContainsFunc(f.runs, func(o *Run) bool { return o.Seed == r.Seed }) {
			drop[r] = "the same run is there twice"
			continue
		}
		f.runs = append(f.runs, r)
	}
	return families, nil
}

// unlike lists the keys in which families of one variant differ.
func unlike(families []*family) []string {
	keys := map[string]bool{}
	for i, f := range families {
		for _, o := range families[:i] {
			if f.variant != o.variant {
				continue
			}
			for _, values := range []map[string]string{f.values, o.values} {
				for k := range values {
					if f.values[k] != o.values[k] {
						keys[k] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// settingsOf lists the settings of families, those that most variants have first, then
// those of most runs, then of most FLOPs.
func settingsOf(families []*family) []string {
	type total struct {
		variants, runs int
		flops          float64
	}
	totals := map[string]total{}
	for _, f := range families {
		t := totals[f.setting]
		t.variants++ // the families of one variant differ in their settings
		t.runs += len(f.runs)
		for _, r := range f.runs {
			t.flops += r.FLOPs
		}
		totals[f.setting] = t
	}
	return slices.SortedFunc(maps.Keys(totals), func(a, b string) int {
		s, t := totals[a], totals[b]
		return cmp.Or(cmp.Compare(t.variants, s.variants), cmp.Compare(t.runs, s.runs), cmp.Compare(t.flops, s.flops), cmp.Compare(a, b))
	})
}
