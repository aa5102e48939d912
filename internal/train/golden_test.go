package train_test

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/safetensors"
	"dsconv/internal/train"
)

// Tolerances of testdata/golden/README.md: relative L2 errors.
const (
	forwardTolerance = 1e-5
	modelTolerance   = 1e-4
)

// goldenFiles lists the whole-model vectors below testdata/golden, or below the
// directory that DSCONV_GOLDEN names.
func goldenFiles(t *testing.T) []string {
	root := os.Getenv("DSCONV_GOLDEN")
	if root == "" {
		root = filepath.Join("..", "..", "testdata", "golden")
	}
	var out []string
	others := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".safetensors") {
			f, err := safetensors.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			if f.Metadata()["kind"] == "" {
				out = append(out, path)
			} else {
				others++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 && others > 0 {
		t.Skipf("%s has vectors of %d kernel calls, and none of models", root, others)
	}
	if len(out) == 0 {
		t.Fatalf("no model vectors below %s", root)
	}
	return out
}

// goldenConfig reads a file's metadata as a configuration.
func goldenConfig(t *testing.T, meta map[string]string) (c *config.Config, batch int) {
	get := func(key string, into any) {
		text, ok := meta[key]
		if !ok {
			return
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("metadata %s = %q: %v", key, text, err)
		}
	}
	c = config.Default()
	m := &c.Model
	m.Position = "rope"
	get("V", &m.Vocab)
	get("D", &m.Dim)
	get("L", &m.Layers)
	get("H", &m.Heads)
	get("F", &m.MLPDim)
	get("tied", &m.Tied)
	get("qk_norm", &m.QKNorm)
	get("norm_eps", &m.NormEps)
	get("rope_theta", &m.RopeTheta)
	get("T", &c.Task.SeqLen)
	get("B", &batch)
	v := &c.Conv
	v.Residual = true
	switch kind := meta["conv"]; kind {
	case "none", "static":
		v.Kind = kind
	default:
		v.Kind, v.Filter = "dynamic", kind
	}
	get("W", &v.Width)
	get("R", &v.Rank)
	get("head_size", &v.HeadSize)
	get("static", &v.StaticTaps)
	switch p := meta["placement"]; {
	case strings.HasPrefix(p, "["):
		get("placement", (*[]string)(&v.Placement))
	case p == "all":
		v.Placement = config.Placement{"q", "k", "v", "o", "gate", "up", "down"}
	default:
		v.Placement = config.Placement{"q", "k", "v"}
	}
	o := &c.Optim
	var betas [2]float64
	get("lr", &o.LR)
	get("betas", &betas)
	o.Beta1, o.Beta2 = betas[0], betas[1]
	get("eps", &o.Eps)
	get("weight_decay", &o.WeightDecay)
	get("clip", &o.Clip)
	return c, batch
}

// TestGoldenModels holds logits, loss, every gradient and three AdamW steps
// against the independent PyTorch reference.
func TestGoldenModels(t *testing.T) {
	for _, path := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors"), func(t *testing.T) {
			f, err := safetensors.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c, b := goldenConfig(t, f.Metadata())
			model := goldenModel(t, f, c)
			tokens, targets := ints(t, f, "tokens"), ints(t, f, "targets")
			T := c.Task.SeqLen

			look, err := model.Look(b, T)
			if err != nil {
				t.Fatal(err)
			}
			copy(look.Tokens, tokens)
			copy(look.Targets, targets)
			if err := look.Run(1, false); err != nil {
				t.Fatal(err)
			}
			near(t, "logits", look.Logits, floats(t, f, "logits", len(look.Logits)), forwardTolerance)
			loss := float64(floats(t, f, "loss", 1)[0])
			nearScalar(t, "loss (forward)", look.Loss.Sum/float64(look.Loss.Labelled), loss, forwardTolerance)

			step, err := model.TrainStep(b, T)
			if err != nil {
				t.Fatal(err)
			}
			copy(step.Tokens, tokens)
			copy(step.Targets, targets)
			labelled := look.Loss.Labelled
			run := func() float64 {
				if err := step.Run(1/float32(labelled), false); err != nil {
					t.Fatal(err)
				}
				return step.Loss.Sum / float64(labelled)
			}
			nearScalar(t, "loss (training)", run(), loss, forwardTolerance)
			for _, p := range model.Params {
				near(t, "grad."+p.Name, p.Grad.F32, floats(t, f, "grad."+p.Name, len(p.Data)), modelTolerance)
			}

			losses, norms := floats(t, f, "losses", 4), floats(t, f, "grad_norms", 3)
			adam := train.NewAdamW(model)
			for i := range 3 {
				nearScalar(t, "losses", run(), float64(losses[i]), modelTolerance)
				norm, _ := train.GradNorm(model)
				nearScalar(t, "grad_norms", norm, float64(norms[i]), modelTolerance)
				adam.Update(model, c.Optim, c.Optim.LR, norm, i+1)
			}
			nearScalar(t, "losses", run(), float64(losses[3]), modelTolerance)
			for _, p := range model.Params {
				near(t, "after3."+p.Name, p.Data, floats(t, f, "after3."+p.Name, len(p.Data)), modelTolerance)
			}
		})
	}
}

// TestGoldenMemoryModes: recomputation gives the golden gradients too, and bfloat16
// gives them to its precision, 2^-8 of each number.
func TestGoldenMemoryModes(t *testing.T) {
	for _, path := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors"), func(t *testing.T) {
			f, err := safetensors.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, memory := range []config.Memory{{Recompute: "block"}, {Recompute: "block", Grads: "bf16"}} {
				c, b := goldenConfig(t, f.Metadata())
				c.Memory = memory
				model := goldenModel(t, f, c)
				step, err := model.TrainStep(b, c.Task.SeqLen)
				if err != nil {
					t.Fatal(err)
				}
				copy(step.Tokens, ints(t, f, "tokens"))
				copy(step.Targets, ints(t, f, "targets"))
				labelled := 0
				for _, y := range step.Targets {
					if y >= 0 {
						labelled++
					}
				}
				if err := step.Run(1/float32(labelled), false); err != nil {
					t.Fatal(err)
				}
				for _, p := range model.Params {
					got, tolerance := p.Grad.F32, modelTolerance
					if p.Grad.BF16 != nil {
						got, tolerance = make([]float32, len(p.Data)), 1.0/256
						kernels.LoadBF16(got, p.Grad.BF16)
					}
					near(t, "grad."+p.Name, got, floats(t, f, "grad."+p.Name, len(p.Data)), tolerance)
				}
			}
		})
	}
}

// goldenModel is a model of the configuration with the file's weights.
func goldenModel(t *testing.T, f *safetensors.File, c *config.Config) *arch.Model {
	t.Helper()
	model := arch.New(arch.SpecOf(c), true)
	for _, p := range model.Params {
		copy(p.Data, floats(t, f, p.Name, len(p.Data)))
	}
	return model
}

func floats(t *testing.T, f *safetensors.File, name string, n int) []float32 {
	t.Helper()
	data, _, err := f.Float32(name)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != n {
		t.Fatalf("%s has %d values, the model %d", name, len(data), n)
	}
	return data
}

func ints(t *testing.T, f *safetensors.File, name string) []int32 {
	t.Helper()
	data, _, err := f.Int32(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	var diff, norm float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		diff += d * d
		norm += float64(want[i]) * float64(want[i])
	}
	if e := math.Sqrt(diff) / math.Max(math.Sqrt(norm), 1e-30); !(e <= tolerance) {
		t.Errorf("%s: relative L2 error %.2e > %.0e", what, e, tolerance)
	}
}

func nearScalar(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if e := math.Abs(got-want) / math.Abs(want); !(e <= tolerance) {
		t.Errorf("%s: %v, want %v (relative error %.2e)", what, got, want, e)
	}
}
