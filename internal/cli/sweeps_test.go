package cli

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dsconv/internal/config"
	"dsconv/internal/train"
)

// plansOf plans a sweep and gives its cells by name.
func plansOf(t *testing.T, file, preset string) (sweepPlan, map[string]plan) {
	t.Helper()
	s, err := config.LoadSweep(file, preset)
	if err != nil {
		t.Fatal(err)
	}
	p, err := planSweep(s, nil)
	if err != nil {
		t.Fatalf("%s, preset %s: %v", file, preset, err)
	}
	cells := map[string]plan{}
	for _, c := range p.Configs {
		cells[c.Name] = c
	}
	return p, cells
}

// TestShippedSweepsPlan plans every sweep of the study at every preset that the study
// runs it at, and the others as they stand.
func TestShippedSweepsPlan(t *testing.T) {
	st, err := readStudy("../../configs/study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string][]string{}
	for _, w := range st.Sweeps {
		file := filepath.Join("../../configs", w.File)
		if runs[file] = w.Presets; len(w.Presets) == 0 {
			runs[file] = slices.Collect(maps.Keys(st.Presets))
		}
	}
	files, err := filepath.Glob("../../configs/sweeps/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		presets := runs[file]
		if presets == nil {
			presets = []string{""}
		}
		delete(runs, file)
		for _, preset := range presets {
			p, _ := plansOf(t, file, preset)
			for _, c := range p.Configs {
				if c.Steps == 0 || c.FLOPs == 0 || c.MemoryBytes == 0 {
					t.Errorf("%s, preset %s: %+v", file, preset, c)
				}
			}
		}
	}
	if len(runs) > 0 {
		t.Errorf("the study names %v, which are not there", runs)
	}
}

// TestVariantsSeeTheSameTokens holds all variants of a size to the same number of tokens in the
// sweeps that say so, at every preset, however many parameters their filters add.
func TestVariantsSeeTheSameTokens(t *testing.T) {
	for _, file := range []string{"default", "ablation-rank", "ablation-headsize", "ablation-width", "ablation-placement", "ablation-qknorm", "ablation-control"} {
		for _, preset := range []string{"quick", "day", "paper"} {
			s, err := config.LoadSweep("../../configs/sweeps/"+file+".yaml", preset)
			if err != nil {
				t.Fatal(err)
			}
			jobs, err := s.Expand()
			if err != nil {
				t.Fatal(err)
			}
			steps := map[string]int{}
			for _, j := range jobs {
				size, n := j.Config.Labels["size"], train.Steps(j.Config)
				if was, ok := steps[size]; ok && was != n {
					t.Errorf("%s, preset %s, %s: %d steps, others of size %q take %d", file, preset, j.Label(), n, size, was)
				}
				steps[size] = n
			}
		}
	}
}

// What the study counts on: FLOP/s of two cores, as it says.
const studyRate = 240e9

// TestStudyCosts holds the costs that the study states to its counted FLOPs: quick in
// half an hour, and day in a day even on cores of half the speed.
func TestStudyCosts(t *testing.T) {
	st, err := readStudy("../../configs/study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	hours := map[string]float64{}
	for _, preset := range []string{"quick", "day"} {
		sweeps, err := st.load(preset)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sweeps {
			p, err := planSweep(s, nil)
			if err != nil {
				t.Fatal(err)
			}
			hours[preset] += p.FLOPs / studyRate / 3600
		}
	}
	if stated := fmt.Sprintf("%.0f hours", hours["day"]); 2*hours["day"] > 22 || !strings.HasPrefix(st.Presets["day"], stated) {
		t.Errorf("day takes %s of training; the study says %q", stated, st.Presets["day"])
	}
	if hours["quick"] > 0.5 {
		t.Errorf("quick takes %.2f hours of training; the study says %q", hours["quick"], st.Presets["quick"])
	}
}

// TestMatchedBases holds the base models that stand for size and for compute to within
// 1 % of dyn, at every preset.
func TestMatchedBases(t *testing.T) {
	for _, preset := range []string{"quick", "day", "paper"} {
		_, cells := plansOf(t, "../../configs/sweeps/ablation-matched.yaml", preset)
		dyn, wide, long, base := cells["dyn"], cells["base-wide"], cells["base-long"], cells["base"]
		for _, x := range []struct {
			what      string
			got, want float64
		}{
			{"parameters of base-wide", float64(wide.ParamsTotal), float64(dyn.ParamsTotal)},
			{"FLOPs a token of base-wide", wide.FLOPsPerToken, dyn.FLOPsPerToken},
			{"FLOPs of base-wide", wide.FLOPs, dyn.FLOPs},
			{"FLOPs of base-long", long.FLOPs, dyn.FLOPs},
			{"parameters of base-long", float64(long.ParamsTotal), float64(base.ParamsTotal)},
		} {
			if math.Abs(x.got/x.want-1) > 0.01 {
				t.Errorf("preset %s: %s: %.6g, want %.6g within 1 %%", preset, x.what, x.got, x.want)
			}
		}
		if m := dyn.SameParams; m == nil || m.ParamsTotal != wide.ParamsTotal {
			t.Errorf("preset %s: plan prints %+v, base-wide has %d parameters", preset, m, wide.ParamsTotal)
		}
		if dyn.FLOPs < 1.01*base.FLOPs {
			t.Errorf("preset %s: filters that cost nothing need no match", preset)
		}
	}
}
