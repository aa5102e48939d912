package cli

import (
	"strings"
	"testing"
)

// The study that is shipped loads at every preset.
func TestShippedStudy(t *testing.T) {
	s, err := readStudy("../../configs/study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for preset := range s.Presets {
		sweeps, err := s.load(preset)
		if err != nil || len(sweeps) < 3 {
			t.Errorf("%s: %d sweeps, %v", preset, len(sweeps), err)
		}
	}
	if _, err := s.load("week"); err == nil || !strings.Contains(err.Error(), "none of day, paper, quick") {
		t.Errorf("week: %v", err)
	}
}

func FuzzParseStudy(f *testing.F) {
	f.Add("sweeps: [{file: a.yaml, presets: [quick]}]\npresets: {quick: short}\n")
	f.Add("sweeps: [{file: ../a.yaml}]\npresets: {quick: short}\n")
	f.Add("sweeps: [{fil: a.yaml}]\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStudy("study.yaml", []byte(text))
		if err != nil {
			return
		}
		for _, w := range s.Sweeps {
			if strings.HasPrefix(w.File, "/") || strings.HasPrefix(w.File, "..") {
				t.Errorf("%q came through", w.File)
			}
		}
	})
}

func TestParseStudyRefuses(t *testing.T) {
	for want, text := range map[string]string{
		"a study needs sweeps and presets": "sweeps: []\n",
		"field sweps not found":            "sweps: []\n",
		"must be a file below":             "sweeps: [{file: /a.yaml}]\npresets: {quick: short}\n",
		"step_times: \"../a.yaml\" must":   "sweeps: [{file: a.yaml}]\npresets: {quick: short}\nstep_times: ../a.yaml\n",
		`preset "day" is none of quick`:    "sweeps: [{file: a.yaml, presets: [day]}]\npresets: {quick: short}\n",
	} {
		if _, err := parseStudy("study.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
