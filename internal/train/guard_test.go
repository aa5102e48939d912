package train

import (
	"errors"
	"math"
	"slices"
	"testing"

	"dsconv/internal/config"
)

// small is a model and a task of a fraction of a second.
func small() *config.Config {
	c := config.Default()
	c.Model = config.Model{Vocab: 32, Dim: 16, Layers: 1, Heads: 2, MLPDim: 16, Tied: true, Position: "rope", RopeTheta: 10000, NormEps: 1e-5, InitStd: 0.02}
	c.Task.SeqLen, c.Task.Pairs, c.Task.Vocab = 16, 2, 32
	c.Train.Steps, c.Train.Batch, c.Train.MicroBatch, c.Train.EvalBatches = 60, 4, 4, 1
	return c
}

// watch poisons weights at one step and notes what it sees.
type watch struct {
	t       *Trainer
	at      int
	poison  float32
	skipped []int
	before  []float32
}

func (w *watch) Stepped(s Stats, _ *Evaluation, _ bool) error {
	if s.Skipped {
		w.skipped = append(w.skipped, s.Step)
	}
	if s.Step == w.at {
		w.t.Model.Params[0].Data[0] = w.poison
		w.before = slices.Clone(w.t.Model.Weights)
	}
	return nil
}

func (w *watch) Stop() bool { return false }

// A number that is not finite stops a run without a guard at once, and one with a
// guard after max_skips steps; either way the weights stay as they were.
func TestBadNumbersNeverReachTheWeights(t *testing.T) {
	for _, c := range []struct {
		name   string
		sigma  float64
		poison float32
		want   error
		steps  int // taken when the run stops
	}{
		{"NaN", 0, float32(math.NaN()), ErrNotFinite, 5},
		{"infinity", 0, float32(math.Inf(1)), ErrNotFinite, 5},
		{"NaN, guarded", 6, float32(math.NaN()), ErrSkips, 5 + 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := small()
			cfg.Optim.SpikeSigma, cfg.Optim.MaxSkips = c.sigma, 3
			tr, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			w := &watch{t: tr, at: 5, poison: c.poison}
			complete, err := tr.Run(w)
			if complete || !errors.Is(err, c.want) {
				t.Fatalf("complete %v, error %v, want %v", complete, err, c.want)
			}
			if tr.Step != c.steps {
				t.Errorf("stopped after step %d, want %d", tr.Step, c.steps)
			}
			for i, v := range tr.Model.Weights {
				if math.Float32bits(v) != math.Float32bits(w.before[i]) {
					t.Fatalf("weight %d moved from %v to %v", i, w.before[i], v)
				}
			}
			for _, s := range tr.Moments() {
				for _, v := range s.F32 {
					if v != v {
						t.Fatalf("%s holds a NaN", s.Name)
					}
				}
			}
		})
	}
}

// A run that comes apart stops, rather than go on with a norm whose outputs are zero, a
// loss that looks like that of guessing, and no gradient.
func TestARunThatComesApartStops(t *testing.T) {
	cfg := small()
	cfg.Optim.LR, cfg.Optim.WeightDecay, cfg.Optim.Warmup = 10, 10, 0
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 40 {
		s, err := tr.Next()
		if errors.Is(err, ErrNotFinite) {
			return
		}
		if err != nil || step > 0 && s.GradNorm == 0 {
			t.Fatalf("step %d: loss %v, gradient norm %v, error %v", s.Step, s.Loss, s.GradNorm, err)
		}
	}
	t.Error("a rate of 10 did no harm")
}

// Weights that the last step ruins, which no step sees any more, do not make a complete run.
func TestRuinedByTheLastStep(t *testing.T) {
	tr, err := New(small())
	if err != nil {
		t.Fatal(err)
	}
	for tr.Step < tr.Steps {
		s, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		tr.Pending = &s // not yet evaluated
	}
	tr.Model.Params[0].Data[0] = float32(math.NaN())
	for range 2 { // also when somebody goes on
		if complete, err := tr.Run(&watch{t: tr}); complete || !errors.Is(err, ErrNotFinite) {
			t.Errorf("complete %v, error %v", complete, err)
		}
	}
}

// A run that is stuck at its last step is not complete, nor is it when it goes on.
func TestStuckAtTheEnd(t *testing.T) {
	cfg := small()
	cfg.Train.Steps, cfg.Optim.SpikeSigma, cfg.Optim.MaxSkips = 5, 6, 3
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: tr, at: 2, poison: float32(math.NaN())}
	for range 2 {
		if complete, err := tr.Run(w); complete || !errors.Is(err, ErrSkips) || tr.Step != 5 {
			t.Fatalf("complete %v at step %d, error %v", complete, tr.Step, err)
		}
	}
	if len(w.skipped) != 3 {
		t.Errorf("steps %v were skipped, want three", w.skipped)
	}
}

// One spike is skipped and training goes on; nothing is skipped in a calm run.
func TestGuardSkipsASpike(t *testing.T) {
	cfg := small()
	cfg.Optim.SpikeSigma, cfg.Optim.MaxSkips = 6, 3
	tr, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{t: tr}
	if complete, err := tr.Run(w); !complete || err != nil || len(w.skipped) > 0 {
		t.Fatalf("calm run: complete %v, error %v, skipped %v", complete, err, w.skipped)
	}
	g := Guard{}
	for i := range 40 {
		g.see(2 + 0.1*float64(i%3))
	}
	if g.spike(6, 2.3) || !g.spike(6, 4) {
		t.Errorf("mean %.3f, deviation %.3f: 2.3 is no spike, 4 is one", g.Mean, math.Sqrt(g.Variance))
	}
	g.Skips = 2
	if g.see(2.1); g.Skips != 0 {
		t.Errorf("%d skips in a row after a step that was taken", g.Skips)
	}
	for range 5 * guardWindow { // a plateau that the mean gets used to
		g.see(3)
	}
	if math.Abs(g.Mean-3) > 0.02 {
		t.Errorf("the mean is %.3f after many losses of 3", g.Mean)
	}
	young := Guard{Seen: guardWarm - 1, Mean: 2}
	if young.spike(6, 100) {
		t.Error("a spike before the guard is warm")
	}
	if young.Seen++; !young.spike(6, 100) {
		t.Error("no spike though the guard is warm")
	}
}
