package bench

import (
	"fmt"
	"slices"
	"strings"

	"dsconv/internal/config"
)

// Named is a configuration to measure, with the name that it has in tables.
type Named struct {
	Name   string
	Config *config.Config
}

// VariantNames lists the variants in the order in which tables show them.
func VariantNames() []string { return []string{"base", "static", "dyn", "dynhw", "dynall"} }

// Variants is c with the short convolutions that each name stands for: none (base), static
// after q, k and v (static), low-rank of rank 16 (dyn), head-wise with groups of 16
// (dynhw), and low-rank after every linear layer (dynall), all four taps wide.
func Variants(c *config.Config, names []string) ([]Named, error) {
	out := make([]Named, len(names))
	for i, name := range names {
		v := c.Clone()
		v.Conv = config.Default().Conv // four taps, rank 16, groups of 16, after q, k and v
		switch name {
		case "base":
		case "static":
			v.Conv.Kind = "static"
		case "dyn":
			v.Conv.Kind = "dynamic"
		case "dynhw":
			v.Conv.Kind, v.Conv.Filter = "dynamic", "headwise"
		case "dynall":
			v.Conv.Kind, v.Conv.Placement = "dynamic", slices.Clone(config.Places)
		default:
			return nil, fmt.Errorf("variant %q is unknown: choose from %s", name, strings.Join(VariantNames(), ", "))
		}
		if err := v.Validate(); err != nil {
			return nil, err
		}
		out[i] = Named{name, v}
	}
	return out, nil
}
