package arch

import (
	"fmt"
	"math"
	"testing"

	"dsconv/internal/config"
)

// paper300M is the shape that has the parameters of the paper's 305.2M model: D 1024, 16 layers, SwiGLU 2752, tied embedding of 100,352 tokens.
func paper300M() Spec {
	c := config.Default()
	m := &c.Model
	m.Dim, m.Layers, m.Heads, m.MLPDim, m.Vocab, m.Tied, m.Position = 1024, 16, 16, 2752, 100352, true, "rope"
	c.Conv.Kind = "none"
	c.Task.SeqLen = 4096
	return SpecOf(c)
}

func dynamic(s Spec, filter string, width, rank, head int, placement ...string) Spec {
	s.Conv.Kind, s.Conv.Filter, s.Conv.Width, s.Conv.Rank, s.Conv.HeadSize, s.Conv.StaticTaps = "dynamic", filter, width, rank, head, true
	if len(placement) == 0 {
		placement = []string{"q", "k", "v"}
	}
	s.Conv.Placement = placement
	return s
}

// TestPublishedParameterCounts reproduces the paper's counts to their last published
// digit.
func TestPublishedParameterCounts(t *testing.T) {
	base := paper300M()
	big := base
	big.Dim, big.Layers, big.Heads, big.MLPDim = 2048, 32, 16, 5504
	all := []string{"q", "k", "v", "o", "gate", "up", "down"}
	type row struct {
		name string
		spec Spec
		want string // in millions
	}
	rows := []row{{"300M base", base, "305.2"}, {"300M base, exact", base, "305.169"}, {"2B base", big, "1824.7"},
		{"2B lowrank R16", dynamic(big, "lowrank", 4, 16, 0), "1841"}, {"2B lowrank R32", dynamic(big, "lowrank", 4, 32, 0), "1857"},
		{"2B lowrank R64", dynamic(big, "lowrank", 4, 64, 0), "1888"}, {"2B headwise H16", dynamic(big, "headwise", 4, 0, 16), "1926"},
		{"2B headwise H32", dynamic(big, "headwise", 4, 0, 32), "1876"}, {"2B headwise H64", dynamic(big, "headwise", 4, 0, 64), "1851"},
	}
	for i, want := range []string{"306.8", "307.6", "308.5", "309.3", "310.1", "311.0"} {
		rows = append(rows, row{fmt.Sprintf("W=%d", i+1), dynamic(base, "lowrank", i+1, 16, 0), want})
	}
	for i, want := range []string{"306.79", "307.63", "308.46", "309.30", "310.13", "310.97"} {
		rows = append(rows, row{fmt.Sprintf("W=%d", i+1), dynamic(base, "lowrank", i+1, 16, 0), want})
	}
	ranks := []int{4, 8, 16, 32, 64, 128}
	for i, want := range []string{"306.3", "307.3", "309.3", "313.2", "321.1", "336.8"} {
		rows = append(rows, row{fmt.Sprintf("R=%d", ranks[i]), dynamic(base, "lowrank", 4, ranks[i], 0), want})
	}
	for i, want := range []string{"306.35", "307.33", "309.30", "313.23", "321.09", "336.82"} {
		rows = append(rows, row{fmt.Sprintf("R=%d", ranks[i]), dynamic(base, "lowrank", 4, ranks[i], 0), want})
	}
	for h, want := range map[int]string{8: "330.53", 16: "317.95", 32: "311.66", 64: "308.51", 128: "306.94"} {
		rows = append(rows, row{fmt.Sprintf("H=%d", h), dynamic(base, "headwise", 4, 0, h), want})
	}
	rows = append(rows, row{"H=8 published", dynamic(base, "headwise", 4, 0, 8), "330.5"}, row{"H=128 published", dynamic(base, "headwise", 4, 0, 128), "306.9"})
	for _, r := range rows {
		decimals := 0
		for i := len(r.want) - 1; i >= 0 && r.want[i] != '.'; i-- {
			decimals++
		}
		if decimals == len(r.want) {
			decimals = 0
		}
		got := fmt.Sprintf("%.*f", decimals, float64(r.spec.Count().Total)/1e6)
		if got != r.want {
			t.Errorf("%s: %s M parameters, want %s", r.name, got, r.want)
		}
	}
	// All-linear low-rank R16 at 2B: 1.878 to 1.880 billion.
	if n := float64(dynamic(big, "lowrank", 4, 16, 0, all...).Count().Total) / 1e9; n < 1.8775 || n > 1.8805 {
		t.Errorf("2B all-linear: %.4f B parameters, want 1.878 to 1.880", n)
	}
}

// TestForwardFLOPs checks the count against figures worked out by hand:
// 25.3 MFLOP of dense products and 0.52 MFLOP of QKV filters per token and layer.
func TestForwardFLOPs(t *testing.T) {
	base := paper300M()
	dyn := dynamic(base, "lowrank", 4, 16, 0)
	perLayer := func(s Spec) float64 { return s.ForwardFLOPs(1, 0) / 16 / 1e6 }
	if got := perLayer(base); math.Abs(got-25.3) > 0.1 {
		t.Errorf("dense: %.2f MFLOP a token and layer, want about 25.3", got)
	}
	if got := perLayer(dyn) - perLayer(base); math.Abs(got-0.52) > 0.02 {
		t.Errorf("filters: %.3f MFLOP a token and layer, want about 0.52", got)
	}
}

// TestFLOPsByHand counts a sequence of three tokens, one of them labelled, term by term.
func TestFLOPsByHand(t *testing.T) {
	c := config.Default()
	m := &c.Model
	m.Dim, m.Layers, m.Heads, m.MLPDim, m.Vocab = 8, 2, 2, 12, 10
	c.Task.SeqLen = 3
	spec := func(change func(*config.Config)) Spec {
		d := c.Clone()
		change(d)
		return SpecOf(d)
	}
	const (
		products  = 3 * 2 * (4*8*8 + 3*8*12) // three tokens through the matrices of a layer
		attention = 4 * 8 * (1 + 2 + 3)      // q.k and p.v with every token up to itself
		head      = 2 * 8 * 10
		taps      = 3 * 3 * 2 * 4 * 8 // three tokens after q, k, v: four taps a channel
	)
	for name, x := range map[string]struct {
		spec Spec
		want float64
	}{
		"none":        {spec(func(c *config.Config) {}), 2*(products+attention) + head},
		"autoencoder": {spec(func(c *config.Config) { c.Model.Head = "autoencoder" }), 2*(products+attention) + head + 3*2*3*8*12},
		"static":      {spec(func(c *config.Config) { c.Conv.Kind = "static" }), 2*(products+attention+taps) + head},
		"constant":    {spec(func(c *config.Config) { c.Conv.Kind, c.Conv.Condition = "dynamic", "constant" }), 2*(products+attention+taps) + head},
		"lowrank":     {spec(func(c *config.Config) { c.Conv.Kind, c.Conv.Rank = "dynamic", 5 }), 2*(products+attention+taps+3*3*2*(8*5+5*4*8)) + head},
		"headwise":    {spec(func(c *config.Config) { c.Conv.Kind, c.Conv.Filter, c.Conv.HeadSize = "dynamic", "headwise", 4 }), 2*(products+attention+taps+3*3*2*8*2*4) + head},
	} {
		if got := x.spec.ForwardFLOPs(3, 1); got != x.want {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
		if got := x.spec.TrainFLOPsPerToken(1); got != x.want { // three times as much, over three tokens
			t.Errorf("%s: %v a training token, want %v", name, got, x.want)
		}
	}
}
