package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// What a file may be at most. A configuration is a page; more is a mistake or an attack.
const (
	maxBytes = 1 << 20
	maxDepth = 8
)

// document is a checked YAML file: one mapping, no alias, no duplicated key.
type document struct {
	file string
	root *yaml.Node
}

// readDocument parses data and refuses what a configuration has no use for.
func readDocument(file string, data []byte) (*document, error) {
	if len(data) > maxBytes {
		return nil, refuse(file, "the file is larger than %d bytes, which no configuration needs", maxBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var top yaml.Node
	err := dec.Decode(&top)
	if errors.Is(err, io.EOF) {
		return nil, refuse(file, "the file is empty")
	}
	if err != nil {
		return nil, syntaxError(file, err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, refuse(file, "the file holds more than one YAML document")
	}
	d := &document{file: file, root: &top}
	if top.Kind == yaml.DocumentNode && len(top.Content) == 1 {
		d.root = top.Content[0]
	}
	if d.root.Kind != yaml.MappingNode {
		if d.root.Kind == yaml.ScalarNode && d.root.ShortTag() == "!!null" {
			return nil, refuse(file, "the file is empty")
		}
		return nil, refuse(d.at(d.root), "a configuration is a list of keys, such as `name: tiny`, but this is %s", describe(d.root))
	}
	var p problems
	d.check(&p, d.root, "", 1)
	return d, p.err()
}

func (d *document) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", d.file, n.Line) }

// check refuses aliases (a few lines of them can stand for gigabytes), deep
// nesting, keys that are not plain words, and keys given twice.
func (d *document) check(p *problems, n *yaml.Node, key string, depth int) {
	if depth > maxDepth {
		p.add(d.at(n), key, "nested more than %d deep, which no configuration needs", maxDepth)
		return
	}
	switch n.Kind {
	case yaml.AliasNode:
		p.add(d.at(n), key, "YAML aliases (*%s) are not read; put what is shared into a file and include it", n.Value)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			d.check(p, item, key, depth+1)
		}
	case yaml.MappingNode:
		seen := map[string]int{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			if p.full() {
				return
			}
			if k.Kind != yaml.ScalarNode {
				p.add(d.at(k), key, "a key must be a word, not %s", describe(k))
				continue
			}
			if line, ok := seen[k.Value]; ok {
				p.add(d.at(k), join(key, k.Value), "given twice; the first is on line %d", line)
			}
			seen[k.Value] = k.Line
			d.check(p, v, join(key, k.Value), depth+1)
		}
	}
}

// pairs lists a mapping's keys with their values.
func pairs(n *yaml.Node) [][2]*yaml.Node {
	var out [][2]*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		out = append(out, [2]*yaml.Node{n.Content[i], n.Content[i+1]})
	}
	return out
}

// member is the value of a key of a mapping, or nil.
func member(n *yaml.Node, key string) *yaml.Node {
	for _, kv := range pairs(n) {
		if kv[0].Value == key {
			return kv[1]
		}
	}
	return nil
}

// describe names what kind of thing a node is.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!str":
		return "the text " + quoteShort(n.Value)
	}
	return strings.Trim(quoteShort(n.Value), `"`)
}

// quoteShort quotes a value, cut where it is too long for a message.
func quoteShort(s string) string {
	const most = 60
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + ".."
	}
	return strconv.Quote(s)
}

var yamlLine = regexp.MustCompile(`^line (\d+): (.*)$`)

// syntaxError puts the line of a YAML parser's message where ours have it.
func syntaxError(file string, err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		return refuse(file+":"+m[1], "not YAML: %s", m[2])
	}
	return refuse(file, "not YAML: %s", message)
}
