package config

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// resolve fills in what follows from other keys, and clears the keys that the
// task's kind does not read.
func (c *Config) resolve() {
	if c.Train.MicroBatch == 0 {
		c.Train.MicroBatch = c.Train.Batch
	}
	if c.Model.Vocab == 0 {
		c.Model.Vocab = c.Task.Vocabulary()
	}
	c.clear(c.unreadTaskKeys())
}

// clear sets keys to their zero values.
func (c *Config) clear(list []string) {
	for _, key := range list {
		keys.field(c, key).SetZero()
	}
}

// settle resolves and validates a configuration that was just merged.
func (c *Config) settle(from origins) error {
	list := c.check()
	for i, p := range list {
		list[i].Where = from.blame(p)
	}
	if len(list) > 0 {
		return &Error{Problems: list}
	}
	c.resolve()
	return nil
}

// YAML is the resolved configuration, with every key but those of other kinds of
// task: what Parse and Load read back to an equal one. Equal configurations give
// equal bytes.
func (c *Config) YAML() ([]byte, error) {
	var top yaml.Node
	if err := top.Encode(c); err != nil {
		return nil, err
	}
	task, unread := member(&top, "task"), c.unreadTaskKeys()
	task.Content = slices.Concat(dropKeys(task, "task", unread)...)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&top); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// dropKeys lists the key and value nodes of a section without some keys.
func dropKeys(section *yaml.Node, name string, drop []string) [][]*yaml.Node {
	var out [][]*yaml.Node
	for _, kv := range pairs(section) {
		if !slices.Contains(drop, join(name, kv[0].Value)) {
			out = append(out, kv[:])
		}
	}
	return out
}

// MarshalYAML writes a placement on one line.
func (p Placement) MarshalYAML() (any, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, place := range p {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: place})
	}
	return n, nil
}

// hashDigits is how many hexadecimal digits name a run: 48 bits, so that a
// million runs collide with a chance of 1 in 500.
const hashDigits = 12

// Hash is the identity of a run: equal for configurations that give equal
// numbers. It leaves out what changes no result: the name, labels, threads,
// checkpoints, and keys that other keys leave without effect.
func (c *Config) Hash() string {
	data, err := c.Effective().YAML()
	if err != nil {
		panic("config: a Config cannot be written as YAML: " + err.Error())
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])[:hashDigits]
}

// Effective is a copy in which what changes no result is cleared.
func (c *Config) Effective() *Config {
	d := c.Clone()
	d.resolve()
	d.clear(d.withoutEffect())
	return d
}

// Clone is a copy that shares nothing with c.
func (c *Config) Clone() *Config {
	d := *c
	d.Conv.Placement = slices.Clone(c.Conv.Placement)
	d.Task.Files = slices.Clone(c.Task.Files)
	d.Labels = maps.Clone(c.Labels)
	return &d
}

// FreeKeys change no number, whatever the other keys are: runs may differ in them and
// still be the same run.
var FreeKeys = []string{"name", labels, "threads", "checkpoint.every", "checkpoint.keep", "memory.recompute", "memory.keep"}

// withoutEffect lists the keys that change no number, given the other keys.
func (c *Config) withoutEffect() []string {
	out := slices.Clone(FreeKeys)
	switch {
	case !c.Conv.Active():
		out = append(out, "conv.filter", "conv.width", "conv.rank", "conv.head_size", "conv.placement", "conv.residual", "conv.static_taps", "conv.condition", "conv.init_scale", "optim.conv_lr_mult")
	case c.Conv.Kind == "static":
		out = append(out, "conv.filter", "conv.rank", "conv.head_size", "conv.static_taps", "conv.condition")
	default:
		if c.Conv.Filter == "headwise" {
			out = append(out, "conv.rank")
		} else {
			out = append(out, "conv.head_size")
		}
		if !c.Conv.StaticTaps {
			out = append(out, "conv.init_scale")
		}
	}
	if c.Model.Position != "rope" {
		out = append(out, "model.rope_theta")
	}
	if c.Train.Steps > 0 {
		out = append(out, "train.tokens_per_param")
	}
	return out
}

// unreadTaskKeys lists the keys that the task's kind does not read.
func (c *Config) unreadTaskKeys() []string {
	read := TaskKeys(c.Task.Kind)
	if read == nil {
		return nil
	}
	var out []string
	for _, name := range keys.sections["task"] {
		if !slices.Contains(read, name) {
			out = append(out, "task."+name)
		}
	}
	return out
}
