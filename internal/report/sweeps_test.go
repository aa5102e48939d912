package report

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dsconv/internal/config"
)

// Every claim is judged by a sweep that is shipped, whose runs have the variants
// that the claim names, and every sweep of the study answers some claim.
func TestClaimsMatchSweeps(t *testing.T) {
	files, err := filepath.Glob("../../configs/sweeps/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d sweeps, %v", len(files), err)
	}
	byName := map[string][]config.Job{}
	command := map[string]string{}
	for _, file := range files {
		s, err := config.LoadSweep(file, "day")
		if err != nil { // a sweep for clusters only: at the preset that it names
			s, err = config.LoadSweep(file, "")
		}
		if err != nil {
			t.Fatal(err)
		}
		if byName[s.Name], err = s.Expand(); err != nil {
			t.Fatal(err)
		}
		command[s.Name] = "configs/sweeps/" + filepath.Base(file)
	}
	claims, err := Claims()
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	for _, c := range claims {
		if c.Sweep == "" {
			continue
		}
		answered[c.Sweep] = true
		var have []string
		for _, j := range byName[c.Sweep] {
			if c.Task == "" || c.Task == j.Config.Task.Kind {
				have = append(have, variantOf(j.Config, map[string]string{}))
			}
		}
		for _, v := range c.variants() {
			if !slices.Contains(have, v) {
				t.Errorf("%s: sweep %s has no variant %q", c.ID, c.Sweep, v)
			}
		}
		want := " --config " + command[c.Sweep]
		if c.Sweep == "ladder" { // what a bare dsconv sweep runs
			want = ""
		}
		if got := c.In("runs/x", nil).Command; c.Command == "" && got != "dsconv sweep"+want+" --dir runs/x/"+c.Sweep {
			t.Errorf("%s: %s does not run %s", c.ID, got, command[c.Sweep])
		}
	}
	study, err := os.ReadFile("../../configs/study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range command {
		if !answered[name] && bytes.Contains(study, []byte(strings.TrimPrefix(file, "configs/"))) {
			t.Errorf("%s answers no claim", file)
		}
	}
	// The paper's values that figures draw belong to variants that are run.
	for sweep, values := range paperLoss {
		var have []string
		for _, j := range byName[sweep] {
			have = append(have, variantOf(j.Config, map[string]string{}))
		}
		n := 0
		for v := range values {
			if slices.Contains(have, v) {
				n++
			}
		}
		if n < 2 {
			t.Errorf("sweep %s runs %d of the paper's variants %v", sweep, n, values)
		}
	}
}
