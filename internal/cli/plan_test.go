package cli

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"dsconv/internal/config"
)

// TestSizesMatchTheirNames counts the parameters of every base file: within 5 % of
// the name, or of the published count where the paper's own name is coarser
// (2B is 1.82 B parameters).
func TestSizesMatchTheirNames(t *testing.T) {
	for name, want := range map[string]float64{
		"150m": 150e6, "300m": 300e6, "600m": 600e6, "1b": 1e9, "2b": 1.82e9, "bench-27m": 27e6,
	} {
		file := filepath.Join("../../configs", name+"-base.yaml")
		if strings.HasPrefix(name, "bench") {
			file = filepath.Join("../../configs", name+".yaml")
		}
		p := planFile(t, file, "")
		if off := float64(p.ParamsTotal)/want - 1; math.Abs(off) > 0.05 {
			t.Errorf("%s has %d parameters, %+.1f %% off its name", file, p.ParamsTotal, 100*off)
		}
	}
}

// TestPublishedCounts holds the two published shapes to the paper's counts.
func TestPublishedCounts(t *testing.T) {
	for file, want := range map[string]float64{
		"300m-base": 305.2, "300m-dyn": 309.3, "2b-base": 1824.7, "2b-dyn": 1841.2,
	} {
		p := planFile(t, "../../configs/"+file+".yaml", "")
		if got := math.Round(float64(p.ParamsTotal)/1e5) / 10; got != want {
			t.Errorf("%s: %.1f M parameters, want %.1f", file, got, want)
		}
	}
}

// TestCPUProfilesFit keeps the memory of the cpu profiles below what a
// workstation has: 20, 12 and 5 GiB for 2b, 1b and 300m, with room for an error of
// the prediction.
func TestCPUProfilesFit(t *testing.T) {
	for size, most := range map[string]float64{"150m": 3.5, "300m": 4.8, "600m": 10, "1b": 11.5, "2b": 19} {
		for _, variant := range []string{"base", "static", "dyn", "dynall"} {
			p := planFile(t, "../../configs/"+size+"-"+variant+".yaml", "cpu")
			if got := float64(p.MemoryBytes) / (1 << 30); got > most {
				t.Errorf("%s-%s: %.1f GiB in profile cpu, want at most %g", size, variant, got, most)
			}
		}
	}
}

func planFile(t *testing.T, file, profile string) plan {
	t.Helper()
	c, err := config.Load(file, config.WithProfile(profile))
	if err != nil {
		t.Fatal(err)
	}
	return planOf(c)
}

// TestMatchedModels holds the matched base models to the model they match: the next
// width of the MLP must not be nearer.
func TestMatchedModels(t *testing.T) {
	for _, file := range []string{"300m-dyn", "300m-dynall", "300m-static", "tiny-dyn", "2b-dyn"} {
		path := "../../configs/" + file + ".yaml"
		want := planFile(t, path, "")
		layer := func(m *match, params bool) (off, step float64) {
			c, err := config.Load(path, config.WithSet([]string{"conv.kind=none", fmt.Sprintf("model.mlp_dim=%d", m.MLPDim)}))
			if err != nil {
				t.Fatal(err)
			}
			p := planOf(c)
			if p.ParamsTotal != m.ParamsTotal || p.FLOPsPerToken != m.FLOPsPerToken || p.SameParams != nil {
				t.Errorf("%s: matched model %+v, planned %+v", file, *m, p)
			}
			step = 3 * float64(c.Model.Dim) * float64(c.Model.Layers) // parameters of one more channel
			if params {
				return math.Abs(float64(p.ParamsTotal - want.ParamsTotal)), step
			}
			return math.Abs(p.FLOPsPerToken - want.FLOPsPerToken), 6 * step
		}
		if off, step := layer(want.SameParams, true); off > step/2 {
			t.Errorf("%s: %.0f parameters off, a channel is %.0f", file, off, step)
		}
		if off, step := layer(want.SameFLOPs, false); off > step/2*1.0001 {
			t.Errorf("%s: %.0f FLOPs off, a channel is %.0f", file, off, step)
		}
	}
}
