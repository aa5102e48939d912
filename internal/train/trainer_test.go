package train

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"dsconv/internal/arch"
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

// TestClipLeavesSmallGradients: a bound that no gradient reaches is as none.
func TestClipLeavesSmallGradients(t *testing.T) {
	moments := func(clip float64) []State {
		tr, err := New(recall(func(c *config.Config) { c.Optim.Clip = clip }))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Next(); err != nil {
			t.Fatal(err)
		}
		return tr.Moments()
	}
	off := moments(0)
	for i, s := range moments(1000) {
		if !slices.Equal(s.F32, off[i].F32) {
			t.Fatalf("%s differs from that without a bound", s.Name)
		}
	}
}

// TestGradNorm: where every gradient is 1, the squares of the norms count parameters.
func TestGradNorm(t *testing.T) {
	tr, err := New(recall(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tr.Model.Params {
		for i := range p.Grad.F32 {
			p.Grad.F32[i] = 1
		}
	}
	n := tr.Model.Spec.Count()
	all, conv := GradNorm(tr.Model)
	if math.Round(all*all) != float64(n.Total) || math.Round(conv*conv) != float64(n.Conv) {
		t.Errorf("%v and %v, want the roots of %d and %d", all, conv, n.Total, n.Conv)
	}
}

// TestStepsOfABudget: all variants of a model take as many steps as it takes to see so
// many tokens a parameter of the model without convolutions, and follow the schedule of
// as many.
func TestStepsOfABudget(t *testing.T) {
	for _, kind := range []string{"none", "static", "dynamic"} {
		c := recall(func(c *config.Config) {
			c.Conv.Kind = kind
			c.Train.Steps, c.Train.TokensPerParam = 0, 2
		})
		// embed, and in each of two layers four projections, three of the MLP and two norms
		const params = 64*32 + 2*(4*32*32+3*32*88+2*32) + 32
		const steps = (2*params + 64*32 - 1) / (64 * 32)
		tr, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		s, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if tr.Steps != steps || s.LR != LearningRate(c.Optim, 0, steps) {
			t.Errorf("%s: %d steps, the first with a rate of %v; want %d", kind, tr.Steps, s.LR, steps)
		}
	}
}

// TestReset: a trainer that was taken back trains as a new one does, bit for bit.
func TestReset(t *testing.T) {
	for _, format := range []string{"float32", "bf16"} {
		tr, err := New(recall(func(c *config.Config) { c.Memory.Moments, c.Optim.SpikeSigma = format, 6 }))
		if err != nil {
			t.Fatal(err)
		}
		run := func() ([]float32, Guard) {
			for range 3 {
				if _, err := tr.Next(); err != nil {
					t.Fatal(err)
				}
			}
			return slices.Clone(tr.Model.Weights), tr.Guard
		}
		weights, guard := run()
		tr.Pending = &Stats{}
		tr.Reset()
		if tr.Step != 0 || tr.Pending != nil {
			t.Errorf("%s: at step %d, pending %v", format, tr.Step, tr.Pending)
		}
		if again, g := run(); !slices.Equal(weights, again) || g != guard {
			t.Errorf("%s: other weights, or a guard of %+v instead of %+v", format, g, guard)
		}
	}
}

// TestDrawsDiffer: gradients of one batch are rounded by other draws in each step, and
// equal moments of two parameters by other draws each.
func TestDrawsDiffer(t *testing.T) {
	tr, err := New(recall(func(c *config.Config) {
		c.Memory.Grads, c.Memory.Moments, c.Optim.LR = "bf16", "bf16", 1e-30
		c.Task.TrainExamples = c.Train.Batch
	}))
	if err != nil {
		t.Fatal(err)
	}
	q := tr.Model.Param("layers.0.attn.wq")
	var first []uint16
	for range 2 {
		if _, err := tr.Next(); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(first, q.Grad.BF16) {
			t.Error("two steps round alike")
		}
		first = slices.Clone(q.Grad.BF16)
	}
	copy(tr.Model.Param("layers.0.attn.wk").Grad.BF16, q.Grad.BF16)
	a := NewAdamW(tr.Model)
	a.Update(tr.Model, tr.Config.Optim, 1e-30, 1, 1)
	at := func(name string) int {
		return slices.IndexFunc(tr.Model.Params, func(p *arch.Param) bool { return p.Name == name })
	}
	if slices.Equal(a.m[at("layers.0.attn.wq")].BF16, a.m[at("layers.0.attn.wk")].BF16) {
		t.Error("two parameters round alike")
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
