package cli

import (
	"math"

	"dsconv/internal/arch"
	"dsconv/internal/config"
)

// match is a model without short convolutions that costs as much as one with them:
// its MLP is as much wider. It is the control for "more parameters" and "more
// compute".
type match struct {
	MLPDim        int     `json:"mlp_dim"`
	ParamsTotal   int64   `json:"params_total"`
	FLOPsPerToken float64 `json:"flops_per_token"`
}

// matches finds the widths of the MLP that come nearest to a model's parameters and
// to its FLOPs; nil where there is nothing to match, or no MLP to widen.
func matches(c *config.Config, labelled int) (params, flops *match) {
	if !c.Conv.Active() || c.Model.MLPDim == 0 {
		return nil, nil
	}
	with := arch.SpecOf(c)
	base := with
	base.Conv.Kind = "none"
	at := func(width int) match {
		s := base
		s.MLPDim = width
		return match{width, s.Count().Total, s.TrainFLOPsPerToken(labelled)}
	}
	// Both counts are linear in the width.
	nearest := func(of func(match) float64, want float64) *match {
		low := of(at(base.MLPDim))
		slope := of(at(base.MLPDim+1)) - low
		m := at(base.MLPDim + max(0, int(math.Round((want-low)/slope))))
		return &m
	}
	return nearest(func(m match) float64 { return float64(m.ParamsTotal) }, float64(with.Count().Total)),
		nearest(func(m match) float64 { return m.FLOPsPerToken }, with.TrainFLOPsPerToken(labelled))
}
