package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// labelled lists jobs as a person would: seed and label.
func labelled(jobs []Job) []string {
	var out []string
	for _, j := range jobs {
		out = append(out, fmt.Sprintf("%d %s", j.Seed, j.Label()))
	}
	return out
}

func expand(t *testing.T, file, preset string, set ...string) []Job {
	t.Helper()
	s, err := LoadSweep(file, preset, WithSet(set))
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Expand()
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

const gridFile = "testdata/sweeps/grid.good.yml"

func TestExpandOrder(t *testing.T) {
	for _, x := range []struct {
		preset string
		want   []string
	}{
		// Base has no width, so it is trained once for both.
		{"", []string{
			"1 base size=s", "1 dyn size=s conv.width=2", "1 dyn size=s conv.width=4",
			"1 base size=m", "1 dyn size=m conv.width=2", "1 dyn size=m conv.width=4",
			"2 base size=s", "2 dyn size=s conv.width=2", "2 dyn size=s conv.width=4",
			"2 base size=m", "2 dyn size=m conv.width=2", "2 dyn size=m conv.width=4",
		}},
		{"one", []string{
			"7 dyn size=m conv.width=2 conv.placement=qkv", "7 dyn size=m conv.width=2 conv.placement=all", "7 dyn size=m conv.width=2 conv.placement=q+v",
			"7 dyn size=m conv.width=4 conv.placement=qkv", "7 dyn size=m conv.width=4 conv.placement=all", "7 dyn size=m conv.width=4 conv.placement=q+v",
		}},
		{"more", []string{
			"1 base size=s", "1 dyn size=s conv.width=3", "1 static size=s conv.width=3",
			"1 base size=m", "1 dyn size=m conv.width=3", "1 static size=m conv.width=3",
			"1 base size=l", "1 dyn size=l conv.width=3", "1 static size=l conv.width=3",
			"2 base size=s", "2 dyn size=s conv.width=3", "2 static size=s conv.width=3",
			"2 base size=m", "2 dyn size=m conv.width=3", "2 static size=m conv.width=3",
			"2 base size=l", "2 dyn size=l conv.width=3", "2 static size=l conv.width=3",
		}},
	} {
		if diff := cmp.Diff(x.want, labelled(expand(t, gridFile, x.preset))); diff != "" {
			t.Errorf("preset %q (-want +got):\n%s", x.preset, diff)
		}
	}
}

// Seeds come first wherever the grid has them: what is stopped early can be compared.
func TestSeedsAreTheSlowestAxis(t *testing.T) {
	file := filepath.Join(t.TempDir(), "late.yaml")
	text := "variants: {base: {}, static: {conv: {kind: static}}}\ngrid: {model.dim: [16, 32], seed: [1, 2]}\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 base model.dim=16", "1 static model.dim=16", "1 base model.dim=32", "1 static model.dim=32",
		"2 base model.dim=16", "2 static model.dim=16", "2 base model.dim=32", "2 static model.dim=32",
	}
	if diff := cmp.Diff(want, labelled(expand(t, file, ""))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJobsAreNamedAndLabelled(t *testing.T) {
	jobs := expand(t, gridFile, "one", "optim.lr=0.01")
	j := jobs[2]
	c := j.Config
	if c.Name != "dyn-m-2-q_v-s7" || c.Train.Steps != 9 || c.Optim.LR != 0.01 || c.Seed != 7 || c.Model.Dim != 64 {
		t.Errorf("%+v", c)
	}
	want := map[string]string{"sweep": "grid", "variant": "dyn", "size": "m", "conv.width": "2", "conv.placement": "q+v", "preset": "one", "set": "optim.lr=0.01"}
	if diff := cmp.Diff(want, c.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	data, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, again); diff != "" {
		t.Errorf("resolved and read again (-want +got):\n%s", diff)
	}
	seen := map[string]string{}
	for _, j := range expand(t, gridFile, "") {
		h := j.Config.Hash()
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s are one run", other, j.Config.Name)
		}
		seen[h] = j.Config.Name
	}
}

// TestBadSweeps holds the message of every bad sweep to a golden file.
func TestBadSweeps(t *testing.T) {
	var b strings.Builder
	for _, file := range glob(t, "testdata/sweeps/*.bad.yml") {
		s, err := LoadSweep(file, "")
		if err == nil {
			_, err = s.Expand()
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v is no *Error", file, err)
		}
		fmt.Fprintf(&b, "== %s\n%v\n", strings.TrimSuffix(filepath.Base(file), ".bad.yml"), err)
	}
	golden(t, "testdata/sweeps/bad.golden", b.String())
}

func TestSweepSettingsFromOutside(t *testing.T) {
	for _, x := range []struct{ preset, set, env, want string }{
		{preset: "two", want: `config: testdata/sweeps/grid.good.yml: preset "two" does not exist; the sweep has more, one`},
		{set: "seed=5", want: "config: --set seed=5: seed: is an axis of the sweep (testdata/sweeps/grid.good.yml:8); leave it out, or change the file's grid"},
		{env: "DSCONV_SEED", want: "config: DSCONV_SEED: seed: is an axis of the sweep (testdata/sweeps/grid.good.yml:8); leave it out, or change the file's grid"},
		{set: "conv.kind=static", want: "config: --set conv.kind=static: conv.kind: is what variants of the sweep differ by (testdata/sweeps/grid.good.yml:6); leave it out, or change the variants in a file of your own"},
		{set: "train.stesp=5", want: "config: --set train.stesp=5: train.stesp: unknown key; did you mean train.steps?"},
	} {
		t.Run(x.preset+x.set+x.env, func(t *testing.T) {
			if x.env != "" {
				t.Setenv(x.env, "3")
			}
			var set []string
			if x.set != "" {
				set = []string{x.set}
			}
			if _, err := LoadSweep(gridFile, x.preset, WithSet(set)); err == nil || err.Error() != x.want {
				t.Errorf("got  %v\nwant %s", err, x.want)
			}
		})
	}
}

func TestIsSweep(t *testing.T) {
	for file, want := range map[string]bool{
		gridFile:                         true,
		"testdata/sweeps/rule.bad.yml":   true,
		"testdata/short.good.yml":        false,
		"testdata/configs/no-such-file":  false,
		"testdata/syntax.bad.yml":        false,
		"testdata/empty.bad.yml":         false,
		"../../configs/sweeps/none.yaml": false,
	} {
		if got := IsSweep(file); got != want {
			t.Errorf("%s: %v", file, got)
		}
	}
}

func TestTooManyJobs(t *testing.T) {
	var list []string
	for i := range 200 {
		list = append(list, fmt.Sprint(i+1))
	}
	values := strings.Join(list, ", ")
	file := filepath.Join(t.TempDir(), "large.yml")
	if err := os.WriteFile(file, []byte("grid: {seed: ["+values+"], train.steps: ["+values+"]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := LoadSweep(file, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Expand(); err == nil || !strings.Contains(err.Error(), "more than 10000 runs") {
		t.Errorf("got %v", err)
	}
}

// FuzzSweep: no file makes the reader panic, and every run of what it takes is
// valid.
func FuzzSweep(f *testing.F) {
	for _, name := range []string{"grid.good.yml", "keys.bad.yml", "grid.bad.yml", "preset.bad.yml", "rule.bad.yml"} {
		data, err := os.ReadFile("testdata/sweeps/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(dir, "sweep.yml")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var jobs []Job
		s, err := LoadSweep(file, "")
		if err == nil {
			jobs, err = s.Expand()
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no *Error", err)
		}
		for _, j := range jobs {
			if err := j.Config.Validate(); err != nil {
				t.Fatalf("%s: %v", j.Label(), err)
			}
		}
	})
}

func ExampleSweep_Expand() {
	s, err := LoadSweep("testdata/sweeps/grid.good.yml", "one")
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs, err := s.Expand()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, j := range jobs[:2] {
		fmt.Println(j.Config.Name, j.Label())
	}
	// Output:
	// dyn-m-2-qkv-s7 dyn size=m conv.width=2 conv.placement=qkv
	// dyn-m-2-all-s7 dyn size=m conv.width=2 conv.placement=all
}

// A profile lies over base, variant and grid, in that order, and below --set.
func TestSweepProfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(`
base: {train: {steps: 5, batch: 8}, profiles: {cpu: {train: {batch: 2}, optim: {lr: 1}}, other: {}}}
variants:
  base: {conv: {kind: none}}
  dyn: {conv: {kind: dynamic}, profiles: {cpu: {optim: {lr: 2}}}}
grid:
  size:
    s: {model: {dim: 32}, train: {batch: 16}}
    m: {model: {dim: 64}, profiles: {cpu: {optim: {lr: 3}}}}
presets:
  far: {base: {profiles: {far: {optim: {lr: 9}}}}}
`)
	type run struct {
		batch int
		lr    float64
	}
	at := func(opts ...Option) (out []run) {
		t.Helper()
		s, err := LoadSweep(file, "", opts...)
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := s.Expand()
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			out = append(out, run{j.Config.Train.Batch, j.Config.Optim.LR})
		}
		return out
	}
	plain := Default().Optim.LR
	for _, c := range []struct {
		name string
		got  []run
		want []run
	}{
		{"no profile", at(), []run{{16, plain}, {16, plain}, {8, plain}, {8, plain}}},
		{"cpu", at(WithProfile("cpu")), []run{{2, 1}, {2, 2}, {2, 3}, {2, 3}}},
		{"below --set", at(WithProfile("cpu"), WithSet([]string{"optim.lr=4"})), []run{{2, 4}, {2, 4}, {2, 4}, {2, 4}}},
		{"an empty one", at(WithProfile("other")), []run{{16, plain}, {16, plain}, {8, plain}, {8, plain}}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	s, err := LoadSweep(file, "", WithProfile("cpu"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"optim.lr=1", "optim.lr=2", "optim.lr=3", "train.batch=2"}, s.ProfileSettings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	// One that only another preset has changes nothing here, so it is refused.
	if _, err := LoadSweep(file, "", WithProfile("far")); err == nil || !strings.Contains(err.Error(), `profile "far" does not exist`) {
		t.Errorf("far: %v", err)
	}
}
