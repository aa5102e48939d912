package config

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// layer is what one source sets: some keys, decoded, and where each stands.
type layer struct {
	values map[string]any
	where  map[string]string
}

func newLayer() layer { return layer{values: map[string]any{}, where: map[string]string{}} }

func (l layer) set(key string, value any, where string) {
	l.values[key], l.where[key] = value, where
}

// labelName is what a label may be called: an axis of a sweep is called as its key.
var labelName = regexp.MustCompile(`^[a-z][a-z0-9._-]{0,63}$`)

// layer decodes a mapping of configuration keys; beside are the names of keys
// that the caller reads himself.
func (d *document) layer(p *problems, n *yaml.Node, beside ...string) layer {
	l := newLayer()
	if n.Kind != yaml.MappingNode {
		p.add(d.at(n), "", "must be keys with values, got %s", describe(n))
		return l
	}
	d.fill(p, l, n, "", beside)
	return l
}

func (d *document) fill(p *problems, l layer, n *yaml.Node, section string, beside []string) {
	for _, kv := range pairs(n) {
		k, v := kv[0], kv[1]
		key := join(section, k.Value)
		if p.full() {
			return
		}
		if section == "" && slices.Contains(beside, key) {
			continue
		}
		if i := strings.IndexByte(k.Value, '.'); i >= 0 && keys.types[key] != nil {
			p.add(d.at(k), key, "must be written as a key below its section: `%s: {%s: ...}`", k.Value[:i], k.Value[i+1:])
			continue
		}
		switch {
		case key == labels:
			d.fillLabels(p, l, v)
		case keys.isSection(key):
			if v.Kind != yaml.MappingNode {
				p.add(d.at(v), key, "is a section, whose keys go below it, got %s", describe(v))
				continue
			}
			d.fill(p, l, v, key, nil)
		case keys.types[key] != nil:
			value, err := decode(v, keys.types[key])
			if err != nil {
				p.add(d.at(v), key, "%v", err)
				continue
			}
			l.set(key, value, d.at(v))
		case section == "" && sweepKeys[key]:
			p.add(d.at(k), key, "is a key of sweeps, not of a run: give this file to `dsconv sweep`")
		default:
			p.add(d.at(k), key, "%s", unknownKey(key, beside...))
		}
	}
}

func (d *document) fillLabels(p *problems, l layer, n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		p.add(d.at(n), labels, "must be names with values, got %s", describe(n))
		return
	}
	out := map[string]any{}
	for _, kv := range pairs(n) {
		k, v := kv[0], kv[1]
		if !labelName.MatchString(k.Value) {
			p.add(d.at(k), labels, "a label must be called by small letters, digits, . _ - after a letter, got %s", quoteShort(k.Value))
			continue
		}
		if v.Kind != yaml.ScalarNode {
			p.add(d.at(v), join(labels, k.Value), "must be text, got %s", describe(v))
			continue
		}
		out[k.Value] = v.Value
	}
	l.set(labels, out, d.at(n))
}
