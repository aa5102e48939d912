package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decode reads a node as the type that a key has, strictly: no text for numbers,
// no fraction for whole ones. The error says only what is wrong with the value.
func decode(n *yaml.Node, t reflect.Type) (any, error) {
	switch {
	case t == reflect.TypeFor[Placement]():
		return decodePlacement(n)
	case t.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return nil, fmt.Errorf("must be a list, got %s", describe(n))
		}
		out := reflect.MakeSlice(t, 0, len(n.Content))
		for _, item := range n.Content {
			v, err := decode(item, t.Elem())
			if err != nil {
				return nil, err
			}
			out = reflect.Append(out, reflect.ValueOf(v).Convert(t.Elem()))
		}
		return out.Interface(), nil
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return nil, fmt.Errorf("must have a value, got %s", describe(n))
	}
	tag := n.ShortTag()
	switch t.Kind() {
	case reflect.Bool:
		if tag != "!!bool" {
			return nil, fmt.Errorf("must be true or false, got %s", describe(n))
		}
	case reflect.Int, reflect.Int64:
		if tag != "!!int" {
			return nil, fmt.Errorf("must be a whole number, got %s", describe(n))
		}
	case reflect.Float64:
		if tag != "!!int" && tag != "!!float" {
			return nil, fmt.Errorf("must be a number, got %s", describe(n))
		}
	case reflect.String:
		if tag != "!!str" {
			return nil, fmt.Errorf("must be text, got %s; quote it", describe(n))
		}
	default:
		return nil, fmt.Errorf("a value of type %s cannot be read", t)
	}
	v := reflect.New(t)
	if err := n.Decode(v.Interface()); err != nil {
		return nil, fmt.Errorf("must fit into %s, got %s", t.Kind(), describe(n))
	}
	if f, ok := v.Elem().Interface().(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return nil, fmt.Errorf("must be finite, got %s", describe(n))
	}
	return v.Elem().Interface(), nil
}

// decodePlacement reads qkv, all, one place or a list of places.
func decodePlacement(n *yaml.Node) (any, error) {
	if n.Kind == yaml.ScalarNode {
		return placementOf(n.Value)
	}
	v, err := decode(n, reflect.TypeFor[[]string]())
	if err != nil {
		return nil, err
	}
	return Placement(v.([]string)).ordered()
}

func placementOf(text string) (any, error) {
	switch text {
	case "qkv":
		return Placement{"q", "k", "v"}, nil
	case "all":
		return Placement(slices.Clone(Places)), nil
	}
	return Placement{text}.ordered()
}

// ordered checks the places and puts them into the order of the computation, so
// that two ways to write one thing are one configuration.
func (p Placement) ordered() (any, error) {
	for i, place := range p {
		if !slices.Contains(Places, place) {
			return nil, fmt.Errorf("%s, or the list be written as qkv or all, got %q", mustBe(place, Places), place)
		}
		if slices.Contains(p[:i], place) {
			return nil, fmt.Errorf("must list a place once, got %s twice", place)
		}
	}
	out := Placement{}
	for _, place := range Places {
		if p.Has(place) {
			out = append(out, place)
		}
	}
	return out, nil
}

// decodeText reads a value as flags and environment write it: text as it stands,
// lists with commas, all else as in a file.
func decodeText(text string, t reflect.Type) (any, error) {
	if t.Kind() == reflect.String {
		return text, nil
	}
	if len(text) > maxBytes {
		return nil, fmt.Errorf("the value is too long")
	}
	if t.Kind() == reflect.Slice && !strings.HasPrefix(text, "[") && strings.Contains(text, ",") {
		text = "[" + text + "]"
	}
	var top yaml.Node
	if err := yaml.Unmarshal([]byte(text), &top); err != nil || len(top.Content) != 1 {
		return nil, fmt.Errorf("cannot be read: %s", quoteShort(text))
	}
	n := top.Content[0]
	if t.Kind() == reflect.Slice && t != reflect.TypeFor[Placement]() && n.Kind == yaml.ScalarNode {
		n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}}
	}
	return decode(n, t)
}
