package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Job is one run of a sweep.
type Job struct {
	Config  *Config
	Variant string
	Seed    int64
	Axes    []AxisValue // but variant and seed, in the order of the file; without those that change nothing
}

// AxisValue is where a job stands on an axis.
type AxisValue struct{ Key, Value string }

// Label names the cell of a job: all but its seed.
func (j Job) Label() string {
	s := j.Variant
	for _, a := range j.Axes {
		s += " " + a.Key + "=" + a.Value
	}
	return s
}

// maxJobs bounds a grid, against a slip in it.
const maxJobs = 10000

// Expand lists the runs: for each seed all cells of the grid, and in each cell all
// variants, so that a sweep that was stopped early can be compared. Runs that
// differ only in keys without effect are one run: a base model is not trained
// once for every width of a convolution that it does not have.
func (s *Sweep) Expand() ([]Job, error) {
	axes := s.order()
	n := 1
	for _, a := range axes {
		if n *= len(a.values); n > maxJobs {
			return nil, refuse(s.file, "the grid has more than %d runs", maxJobs)
		}
	}
	var jobs []Job
	var p problems
	seen := map[string]bool{}
	told := map[string]bool{}
	at := make([]int, len(axes))
	for range n {
		j, err := s.job(axes, at)
		if err != nil {
			for _, problem := range err.Problems {
				if text := problem.Error(); !told[text] {
					told[text] = true
					problem.Message += " (in " + j.Label() + ")"
					p.list = append(p.list, problem)
				}
			}
		} else if h := j.Config.Hash(); !seen[h] {
			seen[h] = true
			jobs = append(jobs, j)
		}
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < len(axes[i].values) {
				break
			}
			at[i] = 0
		}
	}
	return jobs, p.err()
}

// order lists the axes from the slowest to the fastest: seed, the grid as it is
// written, variants.
func (s *Sweep) order() []axis {
	var axes []axis
	for _, a := range s.grid {
		if a.key == "seed" {
			axes = append([]axis{a}, axes...)
		} else {
			axes = append(axes, a)
		}
	}
	return append(axes, s.variants)
}

// job merges the overlays of one combination: base, variant, then the axes, so
// that a value of the grid holds whatever the variant says; then their profiles.
func (s *Sweep) job(axes []axis, at []int) (Job, *Error) {
	last := len(axes) - 1
	variant := axes[last].values[at[last]]
	all := s.base.and(variant.part)
	j := Job{Variant: variant.text}
	for i, a := range axes[:last] {
		v := a.values[at[i]]
		all = all.and(v.part)
		if a.key != "seed" {
			j.Axes = append(j.Axes, AxisValue{a.key, v.text})
		}
	}
	c, from, err := merge(slices.Concat(all.layers, all.overlay, s.outer))
	if err == nil {
		c.Name = ""
		err = c.settle(from)
	}
	if err != nil {
		if e, ok := err.(*Error); ok {
			return j, e
		}
		return j, &Error{Problems: []Problem{{Message: err.Error()}}}
	}
	idle := append(c.withoutEffect(), c.unreadTaskKeys()...)
	j.Axes = slices.DeleteFunc(j.Axes, func(a AxisValue) bool { return slices.Contains(idle, a.Key) })
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	for i, text := range []string{s.Name, j.Variant, s.Preset, s.Profile, s.outerText(idle)} {
		if text != "" {
			c.Labels[SweepLabels[i]] = text
		}
	}
	for _, a := range j.Axes {
		c.Labels[a.Key] = a.Value
	}
	j.Config, j.Seed = c, c.Seed
	c.Name = j.name()
	return j, nil
}

// outerText lists the settings from outside, such as train.steps=10, but for keys without effect.
func (s *Sweep) outerText(idle []string) string {
	set := map[string]string{}
	for _, l := range s.outer { // flags over environment
		for key, value := range l.values {
			if !slices.Contains(idle, key) {
				set[key] = key + "=" + valueText(value)
			}
		}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(set)) {
		out = append(out, set[key])
	}
	return strings.Join(out, " ")
}

// name is what the job is called where there is no room for keys.
func (j Job) name() string {
	s := j.Variant
	for _, a := range j.Axes {
		s += "-" + a.Value
	}
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("._-", r) || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, s)
	end := fmt.Sprintf("-s%d", j.Seed)
	return s[:min(len(s), 64-len(end))] + end
}

// valueText writes a value as labels show it.
func valueText(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case Placement:
		switch {
		case slices.Equal(v, Placement{"q", "k", "v"}):
			return "qkv"
		case slices.Equal(v, Placement(Places)):
			return "all"
		}
		return strings.Join(v, "+")
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprint(v)
}
