package report

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/runs"
	"dsconv/internal/train"
)

// until stops a run after a step; 0: never.
type until struct{ at, step int }

func (u *until) Started(int, int)         {}
func (u *until) Stepped(m runs.Metric)    { u.step = m.Step }
func (u *until) Saved(int, time.Duration) {}
func (u *until) Stop() bool               { return u.at > 0 && u.step >= u.at }

// TestLoad: a run counts with what it was trained on, to its early end and by the labels
// that it has, and one that was stopped does not count.
func TestLoad(t *testing.T) {
	c := config.Default()
	c.Model.Vocab, c.Model.Dim, c.Model.Layers, c.Model.MLPDim = 16, 8, 1, 16
	c.Task.SeqLen, c.Task.Pairs, c.Task.Vocab = 8, 2, 16
	c.Train.Steps, c.Train.Batch, c.Train.MicroBatch, c.Train.EvalBatches = 40, 2, 2, 50
	c.Train.EvalEvery, c.Train.TargetAccuracy = 3, 1e-9
	c.Labels = map[string]string{"sweep": "s", "variant": "base", "seed": "1", "optim.conv_lr_mult": "10", "size": "a"}
	root := t.TempDir()
	in := func(name string, w *until) error {
		t.Helper()
		r, err := runs.Open(filepath.Join(root, name), c, runs.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		tr, err := train.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return r.Train(tr, w)
	}
	if err := in("done", &until{}); err != nil {
		t.Fatal(err)
	}
	if err := in("stopped", &until{at: 1}); !errors.Is(err, runs.ErrInterrupted) {
		t.Fatal(err)
	}
	f, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Runs) != 1 || len(f.Others) != 1 || filepath.Base(f.Others[0].Dir) != "stopped" || f.Others[0].State != string(runs.StateInterrupted) {
		t.Fatalf("%d runs, others %+v", len(f.Runs), f.Others)
	}
	r := f.Runs[0]
	steps := r.Last().Step
	if steps >= c.Train.Steps {
		t.Fatalf("not one of 200 labels was right in %d steps", steps)
	}
	want := arch.SpecOf(c).TrainFLOPsPerToken(2) * float64(steps*2*8)
	if r.FLOPs != want || r.Variant != "base conv_lr_mult=10" || r.cell() != "size=a" {
		t.Errorf("%v FLOPs, want %v; %s, %s", r.FLOPs, want, r.Variant, r.cell())
	}
}

// TestHeatsAreOfTheirSettings: every field of a map is the accuracy at its own pairs and length.
func TestHeatsAreOfTheirSettings(t *testing.T) {
	r := made{sweep: "s", variant: "base", seed: 1}.run()
	c := r.Config
	c.Model.Vocab, c.Model.Dim, c.Model.Layers, c.Model.MLPDim = 64, 8, 1, 16
	c.Task.Kind, c.Task.SeqLen, c.Task.Pairs, c.Task.Vocab = "mqar", 16, 2, 32
	c.Train.MicroBatch = 8
	model := arch.New(arch.SpecOf(c), false)
	model.Init(1)
	var p Probes
	if err := p.heat(r, model); err != nil {
		t.Fatal(err)
	}
	h := p.Heats[0]
	for i, pairs := range h.Pairs {
		for j, length := range h.Lengths {
			own := c.Task
			own.Pairs, own.SeqLen = pairs, length
			if pairs != 2<<i || length != 16<<j {
				t.Errorf("field %d, %d is of %d pairs in %d tokens", i, j, pairs, length)
			}
			e, err := train.EvaluateOn(own, c, model, probeExamples)
			if err != nil { // there is no such setting
				if v := h.Values[i][j]; v == v {
					t.Errorf("%d pairs in %d tokens: %v, %v", pairs, length, v, err)
				}
			} else if h.Values[i][j] != e.Accuracy {
				t.Errorf("%d pairs in %d tokens: %v, want %v", pairs, length, h.Values[i][j], e.Accuracy)
			}
		}
	}
}
