package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares got with a file, or writes it under -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func glob(t *testing.T, patterns ...string) []string {
	t.Helper()
	var files []string
	for _, pattern := range patterns {
		list, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, list...)
	}
	if len(files) == 0 {
		t.Fatalf("no file matches %q", patterns)
	}
	return files
}

// What Load hands back is the file itself, whatever it includes and lies over it.
func TestGiven(t *testing.T) {
	const file = "../../configs/tiny-dyn.yaml"
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var given []byte
	if _, err := Load(file, WithGiven(&given), WithSet([]string{"seed=3"})); err != nil || string(given) != string(want) {
		t.Errorf("got %q, %v", given, err)
	}
	if !strings.Contains(string(want), includeKey) {
		t.Errorf("%s includes nothing", file)
	}
}

// TestBadFiles holds the message of every bad file to testdata/bad.golden.
func TestBadFiles(t *testing.T) {
	var b strings.Builder
	for _, file := range glob(t, "testdata/*.bad.yml", "testdata/configs/*.bad.yml") {
		c, err := Load(file)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: got %+v, %v; want an *Error", file, c, err)
		}
		for _, p := range e.Problems {
			if !strings.HasPrefix(p.Where, "testdata/") {
				t.Errorf("%s: %q does not say where", file, p)
			}
		}
		fmt.Fprintf(&b, "== %s\n%v\n", strings.TrimSuffix(filepath.Base(file), ".bad.yml"), err)
	}
	golden(t, "testdata/bad.golden", b.String())
}

// TestGoodFiles holds the resolved form of every good file to a golden file, and
// reads it back.
func TestGoodFiles(t *testing.T) {
	for _, file := range glob(t, "testdata/*.good.yml", "testdata/configs/*.good.yml") {
		c, err := Load(file)
		if err != nil {
			t.Fatal(err)
		}
		data, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(file, ".good.yml")+".golden", string(data))

		again, err := Parse(data)
		if err != nil {
			t.Fatalf("%s: resolved: %v", file, err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("%s: resolved and read again (-want +got):\n%s", file, diff)
		}
		if a, b := c.Hash(), again.Hash(); a != b {
			t.Errorf("%s: hash %s, read again %s", file, a, b)
		}
		twice, err := again.YAML()
		if err != nil || string(twice) != string(data) {
			t.Errorf("%s: written twice, the bytes differ (%v)", file, err)
		}
	}
}

func TestSourcesWinInOrder(t *testing.T) {
	const file = "testdata/configs/layered.good.yml"
	load := func(opts ...Option) *Config {
		t.Helper()
		c, err := Load(file, opts...)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := load()
	for _, x := range []struct {
		key       string
		got, want any
	}{
		{"default", c.Model.Layers, 2},
		{"part", c.Model.Dim, 128},
		{"a part's part is below the part", c.Conv.Kind, "dynamic"},
		{"a part's part is above the default", c.Conv.Width, 2},
		{"file over part", c.Optim.LR, 0.002},
		{"part stays", c.Optim.Clip, 2.0},
		{"whole list", len(c.Conv.Placement), 7},
		{"name of the file", c.Name, "layered.good"},
		{"no profile", c.Memory.Recompute, "none"},
	} {
		if x.got != x.want {
			t.Errorf("%s: got %v, want %v", x.key, x.got, x.want)
		}
	}
	if c := load(WithProfile("cpu")); c.Optim.Clip != 0.5 || c.Memory.Recompute != "block" || c.Train.MicroBatch != 2 {
		t.Errorf("profile cpu: %+v %+v %+v", c.Optim, c.Memory, c.Train)
	}
	if c := load(WithProfile("big")); c.Train.Batch != 256 {
		t.Errorf("profile big of an included file: batch %d", c.Train.Batch)
	}
	t.Setenv("DSCONV_OPTIM_CLIP", "0.75")
	t.Setenv("DSCONV_CONV_PLACEMENT", "q,v")
	t.Setenv("DSCONV_ISA", "go")
	if c := load(WithProfile("cpu")); c.Optim.Clip != 0.75 || !cmp.Equal(c.Conv.Placement, Placement{"q", "v"}) {
		t.Errorf("environment: clip %v, placement %v", c.Optim.Clip, c.Conv.Placement)
	}
	if c := load(WithSet([]string{"optim.clip=3", "conv.placement=[v]", "seed = 9"})); c.Optim.Clip != 3 || len(c.Conv.Placement) != 1 || c.Seed != 9 {
		t.Errorf("set: clip %v, placement %v, seed %d", c.Optim.Clip, c.Conv.Placement, c.Seed)
	}
}

func TestBadFlagsAndEnvironment(t *testing.T) {
	const file = "testdata/short.good.yml"
	for _, x := range []struct {
		name string
		set  []string
		env  string
		opt  Option
		want string
	}{
		{name: "no value", set: []string{"train.steps"}, want: "config: --set train.steps: a setting is written key=value, such as --set train.steps=10"},
		{name: "unknown", set: []string{"train.stesp=1"}, want: "config: --set train.stesp=1: train.stesp: unknown key; did you mean train.steps?"},
		{name: "section", set: []string{"train=1"}, want: "config: --set train=1: train: is a section; set one of its keys, such as --set train.steps=10"},
		{name: "type", set: []string{"train.steps=ten"}, want: `config: --set train.steps=ten: train.steps: must be a whole number, got the text "ten"`},
		{name: "list", set: []string{"train.steps=[1"}, want: `config: --set train.steps=[1: train.steps: cannot be read: "[1"`},
		{name: "rule", set: []string{"model.heads=3"}, want: "config: --set model.heads=3: model.heads: must divide model.dim 64 (2 and 4 do), got 3"},
		{name: "rule, other key", set: []string{"model.dim=63"}, want: "config: --set model.dim=63: model.heads: must divide model.dim 63 (1 and 3 do), got 2"},
		{name: "rule of the task, other key", set: []string{"task.pairs=17"}, want: "config: --set task.pairs=17: task.seq_len: must be at least 4 times task.pairs (4 x 17 = 68), got 64"},
		{name: "eps that float32 cannot hold beside a gradient", set: []string{"optim.eps=1e-30"}, want: "config: --set optim.eps=1e-30: optim.eps: must be from 1e-20 to 1, got 1e-30"},
		{name: "key of another task", set: []string{"task.key_max=2"}, want: "config: --set task.key_max=2: task.key_max: must be left out with task.kind mqar, which does not read it"},
		{name: "environment type", env: "DSCONV_TRAIN_STEPS=ten", want: `config: DSCONV_TRAIN_STEPS: train.steps: must be a whole number, got the text "ten"`},
		{name: "environment rule", env: "DSCONV_MODEL_HEADS=3", want: "config: DSCONV_MODEL_HEADS: model.heads: must divide model.dim 64 (2 and 4 do), got 3"},
		{name: "environment unknown", env: "DSCONV_TRAIN_STEP=3", want: "config: DSCONV_TRAIN_STEP: no key is called that; did you mean DSCONV_TRAIN_STEPS?"},
		{name: "profile", opt: WithProfile("gpu"), want: `config: testdata/short.good.yml: profile "gpu" does not exist; the file has none`},
	} {
		t.Run(x.name, func(t *testing.T) {
			if name, value, ok := strings.Cut(x.env, "="); ok {
				t.Setenv(name, value)
			}
			opts := []Option{WithSet(x.set)}
			if x.opt != nil {
				opts = append(opts, x.opt)
			}
			_, err := Load(file, opts...)
			if err == nil || err.Error() != x.want {
				t.Errorf("got  %v\nwant %s", err, x.want)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yml")
	if err := os.WriteFile(large, []byte("seed: 1\n#"+strings.Repeat("x", maxBytes)), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.yml")
	outside := filepath.Join(t.TempDir(), "secret.yml")
	if err := os.WriteFile(outside, []byte("seed: 2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	including := filepath.Join(dir, "including.yml")
	if err := os.WriteFile(including, []byte("include: [link.yml]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		large:                        "larger than 1048576 bytes",
		dir:                          "not a regular file",
		filepath.Join(dir, "no.yml"): "no such file",
		including:                    "link.yml cannot be read: path escapes from parent",
	} {
		_, err := Load(file)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an *Error with %q", file, err, want)
		}
	}
}

// changed is a copy of c in which one key has another value, valid or not.
func changed(c *Config, key string) *Config {
	d := c.Clone()
	switch f := keys.field(d, key); f.Kind() {
	case reflect.Int, reflect.Int64:
		f.SetInt(f.Int() + 2)
	case reflect.Float64:
		f.SetFloat(f.Float() + 0.5)
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.String:
		f.SetString(f.String() + "x")
	case reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 1, 1))
	case reflect.Map:
		f.Set(reflect.ValueOf(map[string]string{"a": "b"}))
	}
	return d
}

// TestEveryKeyIsIdentity changes every key in turn: the hash moves if and only if the key
// can change a number beside the others.
func TestEveryKeyIsIdentity(t *testing.T) {
	free := []string{"name", "threads", "labels", "checkpoint.every", "checkpoint.keep", "memory.recompute", "memory.keep"}
	for _, c := range []struct {
		set  []string
		idle []string
	}{
		{[]string{"conv.kind=dynamic"}, []string{"conv.head_size", "train.tokens_per_param"}},
		{[]string{"conv.kind=dynamic", "conv.filter=headwise", "conv.static_taps=false"}, []string{"conv.rank", "conv.init_scale", "train.tokens_per_param"}},
		{[]string{"conv.kind=static", "train.steps=0"}, []string{"conv.filter", "conv.rank", "conv.head_size", "conv.static_taps", "conv.condition"}},
		{[]string{"model.position=learned", "task.kind=varkey"}, []string{"model.rope_theta", "conv.filter", "conv.width", "conv.rank", "conv.head_size", "conv.placement", "conv.residual", "conv.static_taps", "conv.condition", "conv.init_scale", "optim.conv_lr_mult", "train.tokens_per_param"}},
		{[]string{"task.kind=language", "conv.kind=dynamic", "train.steps=0"}, []string{"conv.head_size"}},
	} {
		base, err := Load("", WithSet(c.set))
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Concat(free, c.idle)
		for _, key := range keys.keys {
			if name, ok := strings.CutPrefix(key, "task."); ok && !slices.Contains(TaskKeys(base.Task.Kind), name) {
				want = append(want, key)
			}
		}
		var got []string
		for _, key := range keys.keys {
			if changed(base, key).Hash() == base.Hash() {
				got = append(got, key)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: keys that leave the hash (-want +got):\n%s", c.set, diff)
		}
	}
}

// TestHashIsTheIdentity: the hash moves if and only if a setting can change a number.
func TestHashIsTheIdentity(t *testing.T) {
	base := func(set ...string) *Config {
		t.Helper()
		c, err := Load("", WithSet(append([]string{"conv.kind=dynamic"}, set...)))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	h := base().Hash()
	if len(h) != hashDigits {
		t.Errorf("hash %q has %d digits", h, len(h))
	}
	for _, same := range []string{"name=other", "threads=2", "checkpoint.every=5", "checkpoint.keep=9", "memory.recompute=block", "memory.keep=1", "conv.head_size=32", "train.tokens_per_param=3", "train.micro_batch=32", "model.vocab=256", "conv.placement=v,k,q"} {
		if got := base(same).Hash(); got != h {
			t.Errorf("%s changes the hash, but no number", same)
		}
	}
	for _, other := range []string{"seed=2", "model.dim=128", "model.tied=false", "conv.kind=static", "conv.rank=8", "conv.filter=headwise", "conv.placement=q", "task.pairs=5", "task.seq_len=66", "optim.lr=0.5", "train.steps=7", "train.batch=8", "train.micro_batch=16", "memory.grads=bf16", "train.eval_every=3"} {
		if got := base(other).Hash(); got == h {
			t.Errorf("%s changes numbers, but not the hash", other)
		}
	}
	if base("conv.kind=none", "conv.rank=4").Hash() != base("conv.kind=none", "conv.rank=8").Hash() {
		t.Error("conv.rank of no convolution changes the hash")
	}
}

func TestValidateDoesNotChange(t *testing.T) {
	c := Default()
	want := c.Clone()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("Validate changed (-before +after):\n%s", diff)
	}
}

func ExampleLoad() {
	c, err := Load("testdata/configs/layered.good.yml", WithProfile("cpu"), WithSet([]string{"train.steps=10"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Name, c.Conv.Kind, c.Model.Dim, c.Train.Steps, c.Train.MicroBatch)

	_, err = Load("testdata/unknown.bad.yml")
	fmt.Println(err)
	// Output:
	// layered.good dynamic 128 10 2
	// config: testdata/unknown.bad.yml:4: train.stesp: unknown key; did you mean train.steps?
}
