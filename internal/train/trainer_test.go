package train

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"dsconv/internal/config"
	"dsconv/internal/tasks"
)

// recall is a model with low-rank filters on small MQAR.
func recall(change func(*config.Config)) *config.Config {
	c := config.Default()
	c.Model.Vocab, c.Model.Dim, c.Model.MLPDim = 64, 32, 88
	c.Task.Vocab, c.Task.SeqLen, c.Task.Pairs = 64, 32, 4
	c.Conv.Kind, c.Conv.Rank = "dynamic", 8
	c.Optim.LR = 5e-3
	c.Train.Steps, c.Train.Batch, c.Train.MicroBatch = 150, 64, 64
	if change != nil {
		change(c)
	}
	return c
}

// TestSolvesRecall: a tiny model with dynamic filters learns to recall.
func TestSolvesRecall(t *testing.T) {
	tr, err := New(recall(nil))
	if err != nil {
		t.Fatal(err)
	}
	for range tr.Steps {
		if _, err := tr.Next(); err != nil {
			t.Fatal(err)
		}
	}
	e, err := Evaluate(tr.Model, tr.Task, tasks.Valid, 256, 64)
	if err != nil {
		t.Fatal(err)
	}
	if e.Accuracy < 0.99 {
		t.Errorf("accuracy %.4f after %d steps, want at least 0.99", e.Accuracy, tr.Steps)
	}
}

// TestLittleGarbage: after the first, a step makes at most 2,000 allocations of
// 100 KB in all, most of them Gorgonia's.
func TestLittleGarbage(t *testing.T) {
	tr, err := New(recall(func(c *config.Config) { c.Model.Layers = 6 }))
	if err != nil {
		t.Fatal(err)
	}
	next := func() {
		if _, err := tr.Next(); err != nil {
			t.Fatal(err)
		}
	}
	next()
	var before, after runtime.MemStats
	const steps = 10
	runtime.ReadMemStats(&before)
	for range steps {
		next()
	}
	runtime.ReadMemStats(&after)
	count, size := (after.Mallocs-before.Mallocs)/steps, (after.TotalAlloc-before.TotalAlloc)/steps
	t.Logf("%d allocations of %d bytes a step", count, size)
	if count > 2000 || size > 100<<10 {
		t.Errorf("%d allocations of %d bytes a step, want at most 2000 of %d", count, size, 100<<10)
	}
}

// TestMicroBatchesAddUp: accumulated gradients train as one batch does, to the
// rounding of sums in another order.
func TestMicroBatchesAddUp(t *testing.T) {
	losses := func(micro int) (out []float64) {
		tr, err := New(recall(func(c *config.Config) { c.Train.MicroBatch = micro }))
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			s, err := tr.Next()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, s.Loss)
		}
		return out
	}
	whole := losses(64)
	for _, micro := range []int{32, 8} {
		for i, l := range losses(micro) {
			if math.Abs(l-whole[i]) > 1e-4*whole[i] {
				t.Errorf("micro-batches of %d: loss %v at step %d, in one batch %v", micro, l, i+1, whole[i])
			}
		}
	}
}

// TestConvLRMult: the multiplier moves the parameters of convolutions, and no others,
// that many times as far in the first step, where AdamW's step is the rate itself.
func TestConvLRMult(t *testing.T) {
	moved := func(mult float64) map[string]float64 {
		tr, err := New(recall(func(c *config.Config) {
			c.Conv.Kind = "static"
			c.Optim.ConvLRMult, c.Optim.WeightDecay = mult, 0
		}))
		if err != nil {
			t.Fatal(err)
		}
		start := map[string]float32{}
		for _, p := range tr.Model.Params {
			start[p.Name] = p.Data[0]
		}
		if _, err := tr.Next(); err != nil {
			t.Fatal(err)
		}
		out := map[string]float64{}
		for _, p := range tr.Model.Params {
			out[p.Name] = math.Abs(float64(p.Data[0] - start[p.Name]))
		}
		return out
	}
	once, ten := moved(1), moved(10)
	for name, m := range map[string]float64{"layers.0.attn.conv_q.s": 10, "layers.0.attn.wq": 1} {
		if r := ten[name] / once[name]; math.Abs(r-m) > 0.01*m {
			t.Errorf("%s moved %.3f times as far, want %g", name, r, m)
		}
	}
}

// The schedule warms up linearly and falls along half a cosine.
func ExampleLearningRate() {
	o := config.Optim{LR: 1, Warmup: 0.2, MinLR: 0.1}
	for _, i := range []int{0, 1, 2, 6, 9} {
		fmt.Printf("%.3f ", LearningRate(o, i, 10))
	}
	fmt.Println()
	// Output: 0.500 1.000 1.000 0.550 0.134
}
