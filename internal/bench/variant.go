package bench

import (
	"fmt"
	"slices"
	"strings"

	"dsconv/internal/config"
)

// variants are the short convolutions that step times are compared for, by name.
var variants = map[string]config.Conv{
	"base":   {Kind: "none"},
	"static": {Kind: "static", Placement: config.Placement{"q", "k", "v"}},
	"dyn":    {Kind: "dynamic", Filter: "lowrank", Rank: 16, Placement: config.Placement{"q", "k", "v"}},
	"dynhw":  {Kind: "dynamic", Filter: "headwise", HeadSize: 16, Placement: config.Placement{"q", "k", "v"}},
	"dynall": {Kind: "dynamic", Filter: "lowrank", Rank: 16, Placement: config.Places},
}

// VariantNames lists the variants in the order in which tables show them.
func VariantNames() []string { return []string{"base", "static", "dyn", "dynhw", "dynall"} }

// Variant is c with the short convolutions that name stands for: none (base), static
// after q, k and v (static), low-rank of rank 16 (dyn), head-wise with groups of 16
// (dynhw), and low-rank after every linear layer (dynall), all four taps wide.
func Variant(c *config.Config, name string) (*config.Config, error) {
	conv, ok := variants[name]
	if !ok {
		return nil, fmt.Errorf("variant %q is unknown: choose from %s", name, strings.Join(VariantNames(), ", "))
	}
	v := c.Clone()
	d := config.Default().Conv
	conv.Width, conv.Residual, conv.StaticTaps, conv.Condition, conv.InitScale = 4, true, true, d.Condition, d.InitScale
	if conv.Filter == "" {
		conv.Filter = d.Filter
	}
	conv.Rank, conv.HeadSize = max(conv.Rank, d.Rank), max(conv.HeadSize, d.HeadSize)
	conv.Placement = slices.Clone(conv.Placement)
	v.Conv = conv
	return v, v.Validate()
}

// Named is a configuration to measure, with the name that it has in tables.
type Named struct {
	Name   string
	Config *config.Config
}

// Variants is c with the short convolutions of each name.
func Variants(c *config.Config, names []string) ([]Named, error) {
	out := make([]Named, len(names))
	for i, name := range names {
		v, err := Variant(c, name)
		if err != nil {
			return nil, err
		}
		out[i] = Named{name, v}
	}
	return out, nil
}
