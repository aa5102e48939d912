package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"dsconv/internal/config"
)

// study is the list of sweeps that reproduce runs.
type study struct {
	Sweeps []struct {
		File    string   `yaml:"file"`    // below the study's folder
		Presets []string `yaml:"presets"` // empty: all
	} `yaml:"sweeps"`
	Presets   map[string]string `yaml:"presets"`    // what each costs, in words
	StepTimes string            `yaml:"step_times"` // configuration below the study's folder whose variants are timed at the end; empty: none
	file      string
}

// readStudy reads a study strictly.
func readStudy(file string) (*study, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usagef("reproduce: %w; run it in the folder that holds configs, or name the file with --study", err)
	}
	return parseStudy(file, data)
}

func parseStudy(file string, data []byte) (*study, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	s := &study{file: file}
	if err := d.Decode(s); err != nil && !errors.Is(err, io.EOF) { // an empty file has no sweeps
		return nil, usagef("reproduce: %s: %w", file, err)
	}
	if len(s.Sweeps) == 0 || len(s.Presets) == 0 {
		return nil, usagef("reproduce: %s: a study needs sweeps and presets", file)
	}
	if s.StepTimes != "" && !filepath.IsLocal(s.StepTimes) {
		return nil, usagef("reproduce: %s: step_times: %q must be a file below the study's folder", file, s.StepTimes)
	}
	for _, w := range s.Sweeps {
		if !filepath.IsLocal(w.File) {
			return nil, usagef("reproduce: %s: sweep %q must be a file below the study's folder", file, w.File)
		}
		for _, p := range w.Presets {
			if _, ok := s.Presets[p]; !ok {
				return nil, usagef("reproduce: %s: %s: preset %q is none of %s", file, w.File, p, s.names())
			}
		}
	}
	return s, nil
}

// timed reads the configuration whose step times are measured; nil where none are.
func (s *study) timed() (c *config.Config, given string, err error) {
	if s.StepTimes == "" {
		return nil, "", nil
	}
	given = filepath.Join(filepath.Dir(s.file), s.StepTimes)
	c, err = config.Load(given)
	return c, given, err
}

func (s *study) names() string { return strings.Join(slices.Sorted(maps.Keys(s.Presets)), ", ") }

// load reads the sweeps of a preset.
func (s *study) load(preset string) ([]*config.Sweep, error) {
	if _, ok := s.Presets[preset]; !ok {
		return nil, usagef("reproduce: --preset %q is none of %s", preset, s.names())
	}
	var out []*config.Sweep
	names := map[string]string{}
	for _, w := range s.Sweeps {
		if len(w.Presets) > 0 && !slices.Contains(w.Presets, preset) {
			continue
		}
		sw, err := config.LoadSweep(filepath.Join(filepath.Dir(s.file), w.File), preset)
		if err != nil {
			return nil, err
		}
		if other, twice := names[sw.Name]; twice {
			return nil, fmt.Errorf("reproduce: %s: %s and %s are both called %s", s.file, other, w.File, sw.Name)
		}
		names[sw.Name] = w.File
		out = append(out, sw)
	}
	return out, nil
}
