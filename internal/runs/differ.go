package runs

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"dsconv/internal/config"
)

// Setting is a key of a configuration, with its section, and its value as text.
type Setting struct{ Key, Value string }

// Settings lists what a configuration sets that may change a result, in the
// schema's order.
func Settings(c *config.Config) ([]Setting, error) {
	data, err := c.YAML()
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	var out []Setting
	var walk func(n *yaml.Node, at string)
	walk = func(n *yaml.Node, at string) {
		switch {
		case slices.Contains(config.FreeKeys, at):
		case n.Kind == yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				walk(n.Content[i+1], strings.TrimPrefix(at+"."+n.Content[i].Value, "."))
			}
		case n.Kind == yaml.SequenceNode:
			var items []string
			for _, e := range n.Content {
				items = append(items, e.Value)
			}
			out = append(out, Setting{at, "[" + strings.Join(items, ",") + "]"})
		default:
			out = append(out, Setting{at, n.Value})
		}
	}
	walk(doc.Content[0], "")
	return out, nil
}

// differences names the settings in which two configurations differ. A key that
// only one of them has, as another kind of task brings, is unset in the other.
func differences(old, now *config.Config) ([]string, error) {
	a, err := Settings(old)
	if err != nil {
		return nil, err
	}
	b, err := Settings(now)
	if err != nil {
		return nil, err
	}
	was := map[string]string{}
	for _, s := range a {
		was[s.Key] = s.Value
	}
	var out []string
	for _, s := range b {
		value, ok := was[s.Key]
		delete(was, s.Key)
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("%s is %s, was unset", s.Key, s.Value))
		case value != s.Value:
			out = append(out, fmt.Sprintf("%s is %s, was %s", s.Key, s.Value, value))
		}
	}
	for _, s := range a {
		if _, left := was[s.Key]; left {
			out = append(out, fmt.Sprintf("%s is unset, was %s", s.Key, s.Value))
		}
	}
	return out, nil
}
