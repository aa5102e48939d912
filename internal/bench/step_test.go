package bench

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"dsconv/internal/config"
	"dsconv/internal/graph"
)

func tinyConfig(t *testing.T) *config.Config {
	c, err := config.Load("../../configs/tiny-dyn.yaml", config.WithSet([]string{"train.batch=2"}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inProcess starts workers as goroutines, behind pipes of the system as processes have
// them: those of package io hold nothing, and each side would wait for the other.
func inProcess() (io.WriteCloser, io.Reader, func() error, error) {
	fromHere, toThere, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	fromThere, toHere, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	done := make(chan error, 1)
	go func() {
		err := Serve(fromHere, toHere)
		toHere.Close()
		done <- err
	}()
	return toThere, fromThere, func() error { return <-done }, nil
}

func TestMeasureSteps(t *testing.T) {
	told := map[string]int{}
	variants, err := Variants(tinyConfig(t), VariantNames())
	if err != nil {
		t.Fatal(err)
	}
	s, err := MeasureSteps(Plan{Variants: variants, Rounds: 2, PerRound: 2, Start: inProcess,
		Told: func(_ int, variant string, _ float64) { told[variant]++ }})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Variants) != len(VariantNames()) || s.PeakGFLOPS <= 0 {
		t.Fatalf("%+v", s)
	}
	for i, v := range s.Variants {
		if v.Variant != VariantNames()[i] || told[v.Variant] != 2 {
			t.Errorf("variant %d is %s, told of %d rounds", i, v.Variant, told[v.Variant])
		}
		if len(v.RoundMs) != 2 || slices.Min(v.RoundMs) < v.Fastest {
			t.Errorf("%s: rounds %v, fastest step %v", v.Variant, v.RoundMs, v.Fastest)
		}
		if v.Fastest <= 0 || v.Millis < v.Fastest || v.TokensPerS <= 0 || v.Allocs <= 0 || v.Bytes <= 0 {
			t.Errorf("%+v", v)
		}
		if want := v.Millis / v.FloorMs; v.FloorMs <= 0 || v.ToFloor != want {
			t.Errorf("%s: ratio to floor %v, want %v", v.Variant, v.ToFloor, want)
		}
		sum := 0.0
		for _, p := range v.Profile {
			sum += p.Share
		}
		if math.Abs(sum-1) > 0.01 {
			t.Errorf("%s: shares of the profile add up to %v", v.Variant, sum)
		}
		if v.Variant == "base" && v.ToBase != 1 {
			t.Errorf("base is %v times base", v.ToBase)
		}
		if (v.Variant == "base") == slices.ContainsFunc(v.Profile, func(p OpShare) bool { return p.Op == "conv" }) {
			t.Errorf("%s: profile %+v", v.Variant, v.Profile)
		}
	}
	if a, b := s.Variants[0], s.Variants[4]; a.Params >= b.Params || a.FloorMs >= b.FloorMs {
		t.Errorf("dynall has %d parameters and a floor of %v ms, base %d and %v", b.Params, b.FloorMs, a.Params, a.FloorMs)
	}
}

func TestMeasureStepsErrors(t *testing.T) {
	c := tinyConfig(t)
	plan := Plan{Variants: []Named{{"base", c}}, Rounds: 1, PerRound: 1, Start: inProcess, Told: func(int, string, float64) {}}
	for _, test := range []struct {
		name string
		with func(*Plan)
		want string
	}{
		{"no process", func(p *Plan) {
			p.Start = func() (io.WriteCloser, io.Reader, func() error, error) {
				return nil, nil, nil, errors.New("no such file")
			}
		}, "variant base: no such file"},
		{"a process that ends", func(p *Plan) {
			p.Start = func() (io.WriteCloser, io.Reader, func() error, error) {
				r, w := io.Pipe()
				r.Close()
				return w, bytes.NewReader(nil), func() error { return nil }, nil
			}
		}, "variant base: io: read/write on closed pipe"},
		{"a configuration that is refused", func(p *Plan) {
			refused := c.Clone()
			refused.Task.Pairs = 40
			p.Variants = []Named{{"base", refused}}
		}, "at least 4 times task.pairs"},
		{"a process that fails", func(p *Plan) {
			p.Start = func() (io.WriteCloser, io.Reader, func() error, error) {
				r, in, err := os.Pipe()
				return in, strings.NewReader(`{"error": "out of luck"}`), r.Close, err
			}
		}, "variant base: out of luck"},
	} {
		p := plan
		test.with(&p)
		if _, err := MeasureSteps(p); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.want)
		}
	}
}

func TestVariants(t *testing.T) {
	c := tinyConfig(t)
	c.Conv.Condition = "constant" // of the file's own convolution, not of the variants
	seen := map[string]string{}
	variants, err := Variants(c, VariantNames())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variants {
		if conv := v.Config.Conv; conv.Active() != (v.Name != "base") || conv.Condition != "self" {
			t.Errorf("%s: %+v", v.Name, conv)
		}
		if other := seen[v.Config.Hash()]; other != "" {
			t.Errorf("%s and %s are the same", v.Name, other)
		}
		seen[v.Config.Hash()] = v.Name
	}
	if c.Conv.Condition != "constant" {
		t.Error("the configuration was changed")
	}
	if _, err := Variants(c, []string{"base", "dynamic"}); err == nil || !strings.Contains(err.Error(), `variant "dynamic" is unknown: choose from base, static`) {
		t.Errorf("an unknown variant: %v", err)
	}
}

func TestShares(t *testing.T) {
	got := shares([]graph.OpTime{{Name: "project", Calls: 4, Time: 6e6}, {Name: "hand out x", Calls: 2, Time: 1e6}}, []float64{5, 5})
	want := []OpShare{{"project", 2, 3, 0.6}, {outside, 1, 1.5, 0.3}}
	if len(got) != 2 || got[0] != want[0] || math.Abs(got[1].Millis-1.5) > 1e-9 || got[1].Op != outside {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
