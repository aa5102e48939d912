package train

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/rng"
	"dsconv/internal/tasks"
)

// analyzed is a model with filters that are not zero, and its task.
func analyzed(t *testing.T, filter, condition string, static bool) (*arch.Model, tasks.Task) {
	t.Helper()
	c := config.Default()
	c.Model.Vocab, c.Model.Dim, c.Model.MLPDim, c.Model.Layers, c.Model.Heads = 64, 16, 24, 2, 2
	c.Task.Vocab, c.Task.SeqLen = 64, 24
	c.Conv.Kind, c.Conv.Filter, c.Conv.Condition, c.Conv.StaticTaps, c.Conv.Rank, c.Conv.HeadSize = "dynamic", filter, condition, static, 4, 4
	c.Conv.Placement = config.Placement{"q", "v", "down"}
	m := arch.New(arch.SpecOf(c), false)
	m.Init(1)
	src := rng.New(7)
	for _, p := range m.Params {
		if p.Kind == arch.ZeroFactor {
			src.FillNormal(p.Data, 0.3)
		}
	}
	task, err := tasks.New(c.Task, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m, task
}

// TestAnalyze: freezing a filter to its mean leaves its mean tap and takes all
// variation; without dynamic part only the static taps are left; a removed lag has no
// energy; the model itself is untouched.
func TestAnalyze(t *testing.T) {
	for _, filter := range []string{"lowrank", "headwise"} {
		for _, static := range []bool{true, false} {
			m, task := analyzed(t, filter, "self", static)
			g, err := observe(m, task, tasks.Valid, 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			before := m.With(m.Spec)
			for _, c := range changes(m, g) {
				n := c.model()
				g2, err := observe(n, task, tasks.Valid, 16, 8)
				if err != nil {
					t.Fatal(err)
				}
				for _, at := range m.Spec.Filters() {
					was, is := stats(m, at, g[at]), stats(n, at, g2[at])
					for k := range was.Energy {
						switch {
						case c.name == "filters frozen to their mean":
							// Earlier filters change too, so only this filter's own taps
							// are the same.
							if is.Variation[k] != 0 || math.Abs(is.Static[k]-was.Static[k]) > 1e-5*(1e-3+was.Static[k]) {
								t.Errorf("%s: %v lag %d: static energy %g, was %g; variation %g", filter, at, k, is.Static[k], was.Static[k], is.Variation[k])
							}
						case c.name == "dynamic part removed" && is.Variation[k] != 0,
							c.name == "dynamic part removed" && !static && is.Energy[k] != 0,
							strings.HasPrefix(c.name, "tap at lag ") && (is.Energy[k] == 0) != (c.name == fmt.Sprintf("tap at lag %d removed", k)):
							t.Errorf("%s, %s: %v lag %d has energy %g", filter, c.name, at, k, is.Energy[k])
						}
						if was.Variation[k] <= 0 {
							t.Errorf("%s: %v lag %d does not vary", filter, at, k)
						}
					}
				}
			}
			for i, p := range m.Params {
				for j, v := range p.Data {
					if v != before.Params[i].Data[j] {
						t.Fatalf("%s was changed by the analysis", p.Name)
					}
				}
			}
		}
	}
}

// TestAblationsMatter: every change of a model whose filters are at work changes its loss.
func TestAblationsMatter(t *testing.T) {
	for _, condition := range []string{"self", "shuffled"} {
		m, task := analyzed(t, "lowrank", condition, true)
		a, err := Analyze(m, task, tasks.Valid, 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Ablations) != 4+m.Spec.Conv.Width {
			t.Errorf("%d ablations", len(a.Ablations))
		}
		seen := map[float64]string{}
		for _, b := range a.Ablations {
			if other, twice := seen[b.Eval.Loss]; twice {
				t.Errorf("%s: %q has the loss of %q", condition, b.Name, other)
			}
			seen[b.Eval.Loss] = b.Name
		}
	}
}

// TestStatsMatchTaps computes energy and variation from every token's taps.
func TestStatsMatchTaps(t *testing.T) {
	for _, filter := range []string{"lowrank", "headwise"} {
		m, task := analyzed(t, filter, "self", true)
		at := m.Spec.Filters()[1]
		s, _, out := m.Taps(at)
		w := m.Spec.Conv.Width
		sum, square, count := make([]float64, w*out), make([]float64, w*out), 0.0
		step, err := m.Observe(8, task.SeqLen(), func(which arch.Filter, gen kernels.View, rows, cols int) {
			if which != at {
				return
			}
			for r := range rows {
				z := make([]float64, cols)
				for i, v := range gen.Row(r, cols) {
					z[i] = float64(v)
				}
				for i, v := range m.DynamicTaps(at, z) {
					v += float64(s.Data[i])
					sum[i] += v
					square[i] += v * v
				}
				count++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		tasks.Fill(task, tasks.Valid, 0, &tasks.Batch{B: 8, T: task.SeqLen(), Tokens: step.Tokens, Targets: step.Targets})
		if err := step.Run(1, false); err != nil {
			t.Fatal(err)
		}
		g, err := observe(m, task, tasks.Valid, 8, 8)
		if err != nil {
			t.Fatal(err)
		}
		got := stats(m, at, g[at])
		for k := range w {
			var energy, variation float64
			for d := range out {
				i := k*out + d
				energy += square[i] / count / float64(out)
				variation += (square[i]/count - sum[i]/count*sum[i]/count) / float64(out)
			}
			if math.Abs(got.Energy[k]-energy) > 1e-5*energy || math.Abs(got.Variation[k]-variation) > 1e-4*variation {
				t.Errorf("%s lag %d: energy %g and variation %g, from the taps %g and %g", filter, k, got.Energy[k], got.Variation[k], energy, variation)
			}
		}
	}
}

// TestAnalyzeConstant: a filter that reads a learned vector has energy but no variation.
func TestAnalyzeConstant(t *testing.T) {
	m, task := analyzed(t, "lowrank", "constant", true)
	a, err := Analyze(m, task, tasks.Valid, 8, 8)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Ablations) != 1 || len(a.Filters) != 6 || a.Filters[0].Energy[0] <= 0 || a.Filters[0].Variation[0] != 0 {
		t.Errorf("%+v", a)
	}
}
