package config

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestShippedConfigs loads every file of configs, with its cpu profile where it
// has one.
func TestShippedConfigs(t *testing.T) {
	files := glob(t, "../../configs/*.yaml")
	if len(files) < 26 {
		t.Errorf("%d files", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if name == "study" { // a list of sweeps, no run
			continue
		}
		c, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Name != name {
			t.Errorf("%s: name %q", file, c.Name)
		}
		_, variant, _ := strings.Cut(name, "-")
		variant = strings.TrimPrefix(variant, "lm-")
		want := map[string]string{"base": "none", "static": "static", "dyn": "dynamic", "dynall": "dynamic"}[variant]
		if want != "" && c.Conv.Kind != want {
			t.Errorf("%s: conv.kind %s", file, c.Conv.Kind)
		}
		if want != "" && (variant == "dynall") != (len(c.Conv.Placement) == len(Places)) {
			t.Errorf("%s: placement %v", file, c.Conv.Placement)
		}
		if c.Model.Vocab != 100352 {
			continue
		}
		if c.Task.SeqLen != 4096 || c.Optim.LR != 3e-4 || c.Optim.WeightDecay != 0.1 || c.Train.TokensPerParam != 50 || c.Train.Steps != 0 || !c.Model.Tied {
			t.Errorf("%s is not the paper's set-up: %+v %+v %+v", file, c.Task, c.Optim, c.Train)
		}
		cpu, err := Load(file, WithProfile("cpu"))
		if err != nil {
			t.Error(err)
			continue
		}
		if cpu.Task.SeqLen > 512 || cpu.Train.MicroBatch != cpu.Train.Batch || cpu.Memory.Recompute != "block" {
			t.Errorf("%s: profile cpu: %+v %+v %+v", file, cpu.Task, cpu.Train, cpu.Memory)
		}
	}
}

// TestShippedSweeps expands every sweep at every preset.
func TestShippedSweeps(t *testing.T) {
	jobs := map[string]map[string]int{
		"default":       {"": 60, "quick": 60, "day": 100, "large": 72, "paper": 20},
		"recall-lag":    {"": 40, "quick": 40, "day": 40, "paper": 40},
		"recall-mqar":   {"": 40, "quick": 40, "day": 40, "paper": 40},
		"recall-varkey": {"": 40, "quick": 40, "day": 40, "paper": 40},

		"recall-varkey-graded": {"": 100, "day": 100, "paper": 200},
		"zoology":              {"": 3, "day": 3, "paper": 144},
		"tune-lr":              {"": 195, "quick": 195, "day": 195, "paper": 39},
		"tuned":                {"": 60, "quick": 60, "day": 120},

		"ablation-control":   {"": 35, "quick": 35, "day": 35, "paper": 7},
		"ablation-matched":   {"": 20, "quick": 20, "day": 20, "paper": 4},
		"ablation-headsize":  {"": 15, "quick": 15, "day": 25, "paper": 6},
		"ablation-placement": {"": 27, "quick": 27, "day": 45, "paper": 9},
		"ablation-qknorm":    {"": 15, "quick": 15, "day": 25, "paper": 5},
		"ablation-rank":      {"": 21, "quick": 21, "day": 35, "paper": 7},
		"ablation-width":     {"": 21, "quick": 21, "day": 35, "paper": 7},
		"memory":             {"": 20},
		"mad":                {"": 18, "quick": 18, "day": 90},
		"mad-full":           {"": 1188, "paper": 1188},
	}
	for _, file := range glob(t, "../../configs/sweeps/*.yaml") {
		if jobs[strings.TrimSuffix(filepath.Base(file), ".yaml")] == nil {
			t.Errorf("%s is not expanded here", file)
		}
	}
	for file, presets := range jobs {
		path := "../../configs/sweeps/" + file + ".yaml"
		if !IsSweep(path) {
			t.Errorf("%s is not taken for a sweep", path)
		}
		for preset, want := range presets {
			s, err := LoadSweep(path, preset)
			if err != nil {
				t.Error(err)
				continue
			}
			jobs, err := s.Expand()
			if err != nil {
				t.Error(err)
				continue
			}
			if len(jobs) != want {
				t.Errorf("%s %q: %d jobs, want %d", file, preset, len(jobs), want)
			}
		}
	}
}
