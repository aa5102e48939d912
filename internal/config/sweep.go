package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Sweep is a family of runs, read from a file:
//
//	sweep: recall               # its name
//	description: what it is for
//	base: {include: [..], ..}   # what all runs share: a configuration
//	variants:                   # overlays by name; every run has one
//	  base: {conv: {kind: none}}
//	  dyn: {conv: {kind: dynamic}}
//	grid:                       # every combination of these is run
//	  size:                     # an axis of named overlays,
//	    s: {model: {dim: 64}}
//	    m: {model: {dim: 96}}
//	  optim.lr: [1e-3, 3e-3]    # or of values of one key
//	  seed: [1, 2, 3]
//	presets:                    # sizes of the same sweep
//	  day:
//	    base: {train: {steps: 1000}} # laid over base
//	    variants: [dyn]         # a list selects, a mapping adds or replaces
//	    grid: {size: [m], seed: [1, 2, 3, 4, 5]}
//	preset: day                 # the one to take where none is asked for
//
// With no preset at all the file is taken as it stands. A configuration in a sweep may
// have profiles as that of a run may, mostly from a file that it includes.
type Sweep struct {
	Name        string
	Description string
	Preset      string
	Profile     string

	file     string
	base     part
	variants axis
	grid     []axis // in the order of the file
	outer    []layer
}

// axis is a dimension of a sweep.
type axis struct {
	key    string
	named  bool // values are overlays with names, not values of a key
	where  string
	values []axisValue
}

type axisValue struct {
	text string
	part
}

// part is a configuration in a sweep: what it sets, and what the profile that was asked
// for lays over that.
type part struct{ layers, overlay []layer }

func (p part) and(o part) part {
	return part{slices.Concat(p.layers, o.layers), slices.Concat(p.overlay, o.overlay)}
}

// Keys of a sweep file.
const (
	sweepKey       = "sweep"
	descriptionKey = "description"
	baseKey        = "base"
	variantsKey    = "variants"
	gridKey        = "grid"
	presetsKey     = "presets"
	presetKey      = "preset"
)

// SweepLabels are the labels that every run of a sweep may have beside those of its axes: the
// sweep, the variant, and the preset, the profile and the settings from outside that it was
// started with.
var SweepLabels = []string{"sweep", "variant", "preset", "profile", "set"}

var sweepNames = []string{sweepKey, descriptionKey, baseKey, variantsKey, gridKey, presetsKey, presetKey}

// sweepKeys are those that make a file a sweep.
var sweepKeys = map[string]bool{sweepKey: true, variantsKey: true, gridKey: true, presetsKey: true}

// IsSweep says whether a file describes a sweep rather than a run. A file that
// cannot be read is none: loading it says why.
func IsSweep(file string) bool {
	t, inside, err := openTree(file)
	if err != nil {
		return false
	}
	defer t.close()
	d, err := t.document(inside, file)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(pairs(d.root), func(kv [2]*yaml.Node) bool { return sweepKeys[kv[0].Value] })
}

// LoadSweep reads a sweep at a preset ("": the one that the file names). Options change
// every run as they do in Load: a profile lies over base, variant and grid, of which any
// may have it, and below what comes from outside the file. The error is an *Error.
func LoadSweep(file, preset string, opts ...Option) (*Sweep, error) {
	var src sources
	for _, o := range opts {
		o(&src)
	}
	t, inside, err := openTree(file)
	if err != nil {
		return nil, err
	}
	defer t.close()
	d, err := t.document(inside, file)
	if err != nil {
		return nil, err
	}
	if list := pairs(d.root); len(list) > 0 && !slices.ContainsFunc(list, func(kv [2]*yaml.Node) bool { return slices.Contains(sweepNames, kv[0].Value) }) {
		for _, kv := range list {
			if key := kv[0].Value; keys.isSection(key) || keys.types[key] != nil || key == includeKey {
				return nil, refuse(file, "is the configuration of a run: give it to `dsconv train`, or include it below base in a sweep")
			}
		}
	}
	r := &sweepReader{tree: t, d: d, inside: inside, s: &Sweep{file: file, Profile: src.profile}, profiles: map[string][]layer{}}
	r.read(preset)
	if err := t.p.err(); err != nil {
		return nil, err
	}
	if src.profile != "" && len(r.s.overlays()) == 0 {
		return nil, refuse(file, "profile %q does not exist; %s", src.profile, listProfiles(r.profiles))
	}
	if r.s.outer, err = outerLayers(src.set); err != nil {
		return nil, err
	}
	return r.s, r.s.checkOuter()
}

// overlays are all layers of the profile.
func (s *Sweep) overlays() []layer {
	out := s.base.overlay
	for _, a := range append(slices.Clone(s.grid), s.variants) {
		for _, v := range a.values {
			out = slices.Concat(out, v.overlay)
		}
	}
	return out
}

// ProfileSettings lists what the profile sets in any run, such as train.batch=4, by key.
func (s *Sweep) ProfileSettings() []string {
	var out []string
	for _, l := range s.overlays() {
		for key, value := range l.values {
			if text := key + "=" + valueText(value); !slices.Contains(out, text) {
				out = append(out, text)
			}
		}
	}
	slices.Sort(out)
	return out
}

// checkOuter refuses settings from outside, or of the profile, that would undo an axis, and
// settings from outside that would make variants alike which go by other names.
func (s *Sweep) checkOuter() error {
	var p problems
	for _, l := range s.outer {
		for _, key := range slices.Sorted(maps.Keys(l.values)) {
			if where := s.variantKey(key); where != "" {
				p.add(l.where[key], key, "is what variants of the sweep differ by (%s); leave it out, or change the variants in a file of your own", where)
			}
		}
	}
	for _, a := range s.grid {
		for _, l := range append(s.overlays(), s.outer...) {
			if where := l.where[a.key]; where != "" {
				p.add(where, a.key, "is an axis of the sweep (%s); leave it out, or change the file's grid", a.where)
			}
		}
	}
	return p.err()
}

// variantKey says where a variant sets a key to another value than a second variant has; "" if
// none does.
func (s *Sweep) variantKey(key string) string {
	where := ""
	var seen []string
	for _, v := range s.variants.values {
		text := ""
		for _, l := range v.layers {
			if value, ok := l.values[key]; ok {
				text, where = valueText(value), l.where[key]
			}
		}
		if !slices.Contains(seen, text) {
			seen = append(seen, text)
		}
	}
	if len(seen) < 2 {
		return ""
	}
	return where
}

type sweepReader struct {
	*tree
	d        *document
	inside   string
	s        *Sweep
	profiles map[string][]layer // all that there are
}

// part reads a configuration of the sweep.
func (r *sweepReader) part(n *yaml.Node) part {
	s := r.config(r.d, n, r.inside)
	maps.Copy(r.profiles, s.profiles)
	return part{s.layers, s.profiles[r.s.Profile]}
}

func (r *sweepReader) read(preset string) {
	root := r.d.root
	for _, kv := range pairs(root) {
		key := kv[0].Value
		switch {
		case slices.Contains(sweepNames, key):
		case keys.isSection(key) || keys.types[key] != nil || key == includeKey || key == profilesKey:
			r.p.add(r.d.at(kv[0]), key, "is a key of runs; in a sweep it goes below base")
		default:
			m := "unknown key; a sweep has " + strings.Join(sweepNames, ", ")
			if best := nearest(key, sweepNames); best != "" {
				m = "unknown key; did you mean " + best + "?"
			}
			r.p.add(r.d.at(kv[0]), key, "%s", m)
		}
	}
	r.s.Name = r.text(root, sweepKey)
	if r.s.Name == "" {
		r.s.Name = strings.TrimSuffix(filepath.Base(r.d.file), filepath.Ext(r.d.file))
	}
	if !ValidName(r.s.Name) {
		r.p.add(r.d.file, sweepKey, "must be up to 64 letters, digits, . _ - after a letter or digit, got %s", quoteShort(r.s.Name))
	}
	r.s.Description = r.text(root, descriptionKey)
	r.s.variants = axis{key: variantsKey, named: true}
	r.dimensions(root)
	if preset == "" {
		preset = r.text(root, presetKey)
	}
	r.s.Preset = preset
	r.preset(member(root, presetsKey), preset)
	if len(r.s.variants.values) == 0 {
		r.s.variants.values = []axisValue{{text: "run"}}
	}
}

func (r *sweepReader) text(n *yaml.Node, key string) string {
	v := member(n, key)
	if v == nil {
		return ""
	}
	if v.Kind != yaml.ScalarNode || v.ShortTag() != "!!str" {
		r.p.add(r.d.at(v), key, "must be text, got %s", describe(v))
		return ""
	}
	return v.Value
}

// dimensions reads base, variants and grid of the file or of a preset, over what is there.
func (r *sweepReader) dimensions(n *yaml.Node) {
	if base := member(n, baseKey); base != nil {
		r.s.base = r.s.base.and(r.part(base))
	}
	if v := member(n, variantsKey); v != nil {
		r.overlays(&r.s.variants, v)
	}
	grid := member(n, gridKey)
	if grid == nil {
		return
	}
	if grid.Kind != yaml.MappingNode {
		r.p.add(r.d.at(grid), gridKey, "must be axes with their values, got %s", describe(grid))
		return
	}
	for _, kv := range pairs(grid) {
		r.axis(kv[0], kv[1])
	}
}

// axis reads one axis of a grid; one that exists is changed.
func (r *sweepReader) axis(k, v *yaml.Node) {
	key := k.Value
	a := axis{key: key, where: r.d.at(k)}
	told := len(r.p.list)
	at := slices.IndexFunc(r.s.grid, func(a axis) bool { return a.key == key })
	if at >= 0 {
		a.values, a.named = r.s.grid[at].values, r.s.grid[at].named
	}
	switch {
	case keys.types[key] != nil && key != labels && key != "name":
		a.values = r.values(key, v)
	case keys.isSection(key) || key == labels || key == "name" || slices.Contains(SweepLabels, key):
		r.p.add(a.where, key, "cannot be an axis; give a key, such as optim.lr, or a name of your own with overlays")
		return
	case at < 0 && v.Kind != yaml.MappingNode:
		r.p.add(a.where, key, "%s", unknownKey(key))
		return
	case !labelName.MatchString(key):
		r.p.add(a.where, key, "an axis must be called by small letters, digits, . _ - after a letter")
		return
	default:
		a.named = true
		r.overlays(&a, v)
	}
	if len(a.values) == 0 && len(r.p.list) == told {
		r.p.add(a.where, key, "must have a value, or there would be no run")
	}
	if at >= 0 {
		r.s.grid[at] = a
	} else {
		r.s.grid = append(r.s.grid, a)
	}
}

// values reads an axis that is a list of values of one key.
func (r *sweepReader) values(key string, v *yaml.Node) []axisValue {
	if v.Kind != yaml.SequenceNode {
		r.p.add(r.d.at(v), key, "must be a list of values, got %s", describe(v))
		return nil
	}
	var out []axisValue
	for _, item := range v.Content {
		value, err := decode(item, keys.types[key])
		if err != nil {
			r.p.add(r.d.at(item), key, "%v", err)
			continue
		}
		l := newLayer()
		l.set(key, value, r.d.at(item))
		out = r.distinct(out, axisValue{valueText(value), part{layers: []layer{l}}}, r.d.at(item), key)
	}
	return out
}

func (r *sweepReader) distinct(list []axisValue, v axisValue, where, key string) []axisValue {
	if slices.ContainsFunc(list, func(o axisValue) bool { return o.text == v.text }) {
		r.p.add(where, key, "lists %s twice", v.text)
		return list
	}
	return append(list, v)
}

// overlays reads named overlays: a list selects from those that are there, a
// mapping adds to them or replaces them.
func (r *sweepReader) overlays(a *axis, v *yaml.Node) {
	switch v.Kind {
	case yaml.SequenceNode:
		var names []string
		for _, o := range a.values {
			names = append(names, o.text)
		}
		if len(names) == 0 {
			r.p.add(r.d.at(v), a.key, "must be overlays by name: there are none yet to select from")
			return
		}
		var out []axisValue
		for _, item := range v.Content {
			i := slices.Index(names, item.Value)
			if i < 0 {
				r.p.add(r.d.at(item), a.key, "%s, got %s", mustBe(item.Value, names), quoteShort(item.Value))
				continue
			}
			out = r.distinct(out, a.values[i], r.d.at(item), a.key)
		}
		a.values = out
	case yaml.MappingNode:
		a.values = slices.Clone(a.values)
		for _, kv := range pairs(v) {
			name := kv[0].Value
			if !ValidName(name) || len(name) > 32 {
				r.p.add(r.d.at(kv[0]), a.key, "must be called by up to 32 letters, digits, . _ - after a letter or digit, got %s", quoteShort(name))
				continue
			}
			value := axisValue{name, r.part(kv[1])}
			if i := slices.IndexFunc(a.values, func(o axisValue) bool { return o.text == name }); i >= 0 {
				a.values[i] = value
			} else {
				a.values = append(a.values, value)
			}
		}
	default:
		r.p.add(r.d.at(v), a.key, "must be overlays by name, or a list of names, got %s", describe(v))
	}
}

// preset reads all presets, so that a mistake in any of them is found, and keeps
// the one that was asked for.
func (r *sweepReader) preset(list *yaml.Node, want string) {
	found := map[string]bool{}
	if list != nil && list.Kind != yaml.MappingNode {
		r.p.add(r.d.at(list), presetsKey, "must be overlays by name, got %s", describe(list))
		return
	}
	plain := *r.s
	var chosen *Sweep
	if list != nil {
		for _, kv := range pairs(list) {
			name := kv[0].Value
			found[name] = true
			if kv[1].Kind != yaml.MappingNode {
				r.p.add(r.d.at(kv[1]), join(presetsKey, name), "must be base, variants or grid, got %s", describe(kv[1]))
				continue
			}
			allowed := []string{descriptionKey, baseKey, variantsKey, gridKey}
			for _, part := range pairs(kv[1]) {
				if !slices.Contains(allowed, part[0].Value) {
					r.p.add(r.d.at(part[0]), join(presetsKey, name), "has an unknown key %s; a preset has %s", quoteShort(part[0].Value), strings.Join(allowed, ", "))
				}
			}
			s := plain
			s.grid = slices.Clone(plain.grid)
			r.s = &s
			r.dimensions(kv[1])
			if d := r.text(kv[1], descriptionKey); d != "" {
				s.Description = d
			}
			if name == want {
				chosen = &s
			}
		}
	}
	r.s = &plain
	switch {
	case want == "":
	case chosen != nil:
		r.s = chosen
	case len(found) == 0:
		r.p.add(r.d.file, "", "preset %q does not exist; the sweep has none", want)
	default:
		r.p.add(r.d.file, "", "preset %q does not exist; the sweep has %s", want, strings.Join(slices.Sorted(maps.Keys(found)), ", "))
	}
}
