package arch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/rng"
)

// variants are small models that together use every operator.
func variants() map[string]func(*config.Config) {
	conv := func(kind, filter, condition string, width int, placement ...string) func(*config.Config) {
		return func(c *config.Config) {
			v := &c.Conv
			v.Kind, v.Filter, v.Condition, v.Width, v.Placement = kind, filter, condition, width, placement
			v.Rank, v.HeadSize = 3, 4
		}
	}
	all := []string{"q", "k", "v", "o", "gate", "up", "down"}
	qkv := all[:3]
	return map[string]func(*config.Config){
		"none":              func(c *config.Config) { c.Conv.Kind = "none" },
		"untied, learned":   func(c *config.Config) { c.Conv.Kind, c.Model.Tied, c.Model.Position = "none", false, "learned" },
		"autoencoder":       func(c *config.Config) { c.Conv.Kind, c.Model.Head = "none", "autoencoder" },
		"no mlp, nope":      func(c *config.Config) { c.Conv.Kind, c.Model.MLPDim, c.Model.Position = "none", 0, "none" },
		"qk-norm":           func(c *config.Config) { c.Conv.Kind, c.Model.QKNorm = "none", true },
		"static":            conv("static", "", "self", 4, qkv...),
		"static, plain":     func(c *config.Config) { conv("static", "", "self", 3, all...)(c); c.Conv.Residual = false },
		"lowrank":           conv("dynamic", "lowrank", "self", 4, qkv...),
		"lowrank v only":    conv("dynamic", "lowrank", "self", 4, "v"),
		"lowrank all":       conv("dynamic", "lowrank", "self", 4, all...),
		"gate":              func(c *config.Config) { conv("dynamic", "lowrank", "self", 1, qkv...)(c); c.Conv.StaticTaps = false },
		"headwise":          conv("dynamic", "headwise", "self", 4, qkv...),
		"headwise o, up":    conv("dynamic", "headwise", "self", 2, "o", "up"),
		"lowrank shuffled":  conv("dynamic", "lowrank", "shuffled", 4, qkv...),
		"headwise shuffled": conv("dynamic", "headwise", "shuffled", 4, qkv...),
		"lowrank constant":  conv("dynamic", "lowrank", "constant", 4, all...),
		"headwise constant": func(c *config.Config) {
			conv("dynamic", "headwise", "constant", 4, qkv...)(c)
			c.Conv.StaticTaps = false
		},
	}
}

func smallModel(t *testing.T, change func(*config.Config)) *Model {
	t.Helper()
	c := config.Default()
	m := &c.Model
	m.Vocab, m.Dim, m.Layers, m.Heads, m.MLPDim, m.Tied, m.Position, m.InitStd = 17, 8, 2, 2, 12, true, "rope", 0.3
	c.Task.SeqLen = 6
	change(c)
	model := New(SpecOf(c), true)
	model.Init(1)
	// Every factor away from zero, or half of the gradients would vanish.
	src := rng.New(2)
	scale := float32(0.3 * math.Sqrt(8/float64(m.Dim)))
	for _, p := range model.Params {
		if p.Kind == ZeroFactor || p.Kind == Gain {
			for i := range p.Data {
				p.Data[i] += scale * float32(src.Norm())
			}
		}
	}
	return model
}

// grads copies all gradients, laid out as Model.Weights.
func grads(m *Model) []float32 {
	out := make([]float32, len(m.Weights))
	for _, p := range m.Params {
		if p.Grad.BF16 != nil {
			kernels.LoadBF16(p.In(out), p.Grad.BF16)
			continue
		}
		copy(p.In(out), p.Grad.F32)
	}
	return out
}

func fillSmall(tokens, targets []int32, vocab int, seed uint64) (labelled int) {
	src := rng.New(seed)
	for i := range tokens {
		tokens[i] = int32(src.IntN(vocab))
		targets[i] = -100
		if src.IntN(3) > 0 {
			targets[i] = int32(src.IntN(vocab))
			labelled++
		}
	}
	return labelled
}

// TestGradientsByFiniteDifferences compares, for every parameter of every
// variant in every memory mode, the derivative along the gradient's own direction
// and along a random one with a central difference of the loss.
func TestGradientsByFiniteDifferences(t *testing.T) {
	for mode, memory := range map[string]config.Memory{
		"plain":     {},
		"recompute": {Recompute: "block"},
		"bf16":      {Recompute: "block", Grads: "bf16"},
	} {
		for name, change := range variants() {
			t.Run(mode+"/"+name, func(t *testing.T) {
				checkGradients(t, smallModel(t, func(c *config.Config) {
					change(c)
					c.Memory = memory
				}))
			})
		}
	}
	// Rows of widths that are padded in memory: see kernels.Stride.
	for name, change := range variants() {
		t.Run("padded/"+name, func(t *testing.T) {
			checkGradients(t, smallModel(t, func(c *config.Config) {
				padded(change)(c)
				c.Memory.Recompute = "block"
			}))
		})
	}
}

// padded makes a variant wide enough for rows that are padded.
func padded(change func(*config.Config)) func(*config.Config) {
	return func(c *config.Config) {
		change(c)
		c.Model.Dim, c.Model.InitStd = 256, 0.06
		if c.Model.MLPDim > 0 {
			c.Model.MLPDim = 512
		}
	}
}

func checkGradients(t *testing.T, m *Model) {
	step, err := m.TrainStep(3, 6)
	if err != nil {
		t.Fatal(err)
	}
	labelled := fillSmall(step.Tokens, step.Targets, m.Spec.Vocab, 3)
	loss := func() float64 {
		if err := step.Run(1/float32(labelled), false); err != nil {
			t.Fatal(err)
		}
		return step.Loss.Sum / float64(labelled)
	}
	loss()
	all := grads(m)
	src := rng.New(4)
	for _, p := range m.Params {
		g := p.In(all)
		norm := 0.0
		for _, v := range g {
			norm += float64(v) * float64(v)
		}
		norm = math.Sqrt(norm)
		if norm == 0 {
			t.Errorf("%s: the gradient is zero", p.Name)
			continue
		}
		for _, random := range []bool{false, true} {
			direction := make([]float64, len(g))
			want := 0.0
			for i := range direction {
				direction[i] = float64(g[i]) / norm
				if random {
					direction[i] += src.Norm() / math.Sqrt(float64(len(g)))
				}
				want += direction[i] * float64(g[i])
			}
			h := 4e-3 / math.Max(1, math.Abs(want)) // a steep loss curves sooner
			start := slices.Clone(p.Data)
			at := func(h float64) float64 {
				for i := range p.Data {
					p.Data[i] = float32(float64(start[i]) + h*direction[i])
				}
				return loss()
			}
			got := (at(h) - at(-h)) / (2 * h)
			copy(p.Data, start)
			// Rounding of float32 losses leaves about 1e-4 of noise in the quotient.
			if math.Abs(got-want) > 2e-4+0.02*math.Abs(want) {
				t.Errorf("%s: derivative %.6f, finite difference %.6f", p.Name, want, got)
			}
		}
	}
}

// TestBitsDoNotDependOnThreads runs one training step with 1, 2, 3 and 5 threads.
func TestBitsDoNotDependOnThreads(t *testing.T) {
	defer kernels.SetThreads(0)
	for name, change := range variants() {
		var first []float32
		var firstLoss float64
		for _, threads := range []int{1, 2, 3, 5} {
			kernels.SetThreads(threads)
			m := smallModel(t, change)
			step, err := m.TrainStep(3, 6)
			if err != nil {
				t.Fatal(err)
			}
			fillSmall(step.Tokens, step.Targets, m.Spec.Vocab, 3)
			if err := step.Run(1, false); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first, firstLoss = grads(m), step.Loss.Sum
				continue
			}
			if step.Loss.Sum != firstLoss || !slices.Equal(first, grads(m)) {
				t.Errorf("%s: %d threads give other bits than 1", name, threads)
			}
		}
	}
}

// TestArenaContentsDoNotMatter poisons the arena before a second run: whatever
// an operator reads, another must have written in the same step, and none reads what lies
// between padded rows.
func TestArenaContentsDoNotMatter(t *testing.T) {
	all := variants()
	for name, change := range variants() {
		all[name+", padded"] = padded(change)
	}
	for name, change := range all {
		m := smallModel(t, change)
		step, err := m.TrainStep(3, 6)
		if err != nil {
			t.Fatal(err)
		}
		fillSmall(step.Tokens, step.Targets, m.Spec.Vocab, 3)
		run := func() []float32 {
			if err := step.Run(1, false); err != nil {
				t.Fatal(err)
			}
			return append(grads(m), float32(step.Loss.Sum))
		}
		want := run()
		for i := range m.arena {
			m.arena[i] = float32(math.NaN())
		}
		for _, p := range m.Params {
			for i := range p.Grad.F32 {
				p.Grad.F32[i] = float32(math.NaN())
			}
		}
		if got := run(); !slices.Equal(got, want) {
			t.Errorf("%s: the step reads memory that it has not written", name)
		}
	}
}

// TestPositionsThatNoSequenceHas: sequences shorter than those of the specification leave
// no gradient for the positions behind them, whatever there was.
func TestPositionsThatNoSequenceHas(t *testing.T) {
	for _, format := range []string{"float32", "bf16"} {
		m := smallModel(t, func(c *config.Config) {
			variants()["untied, learned"](c)
			c.Memory.Grads = format
		})
		step, err := m.TrainStep(3, 4)
		if err != nil {
			t.Fatal(err)
		}
		fillSmall(step.Tokens, step.Targets, m.Spec.Vocab, 3)
		p := m.Param("positions")
		for _, memory := range [][]float32{m.arena, p.Grad.F32} {
			for i := range memory {
				memory[i] = 3
			}
		}
		for run := range 2 {
			if err := step.Run(1, run > 0); err != nil {
				t.Fatal(err)
			}
			for i, g := range p.In(grads(m)) {
				if behind := i >= 4*m.Spec.Dim; behind && g != 0 || !behind && g == 0 {
					t.Fatalf("%s, run %d: the gradient of position %d is %v", format, run, i/m.Spec.Dim, g)
				}
			}
		}
	}
}

// TestRecomputationIsBitwise: computing the activations of a block again changes
// no bit of loss and gradients, and takes less memory, the less the fewer layers are
// kept.
func TestRecomputationIsBitwise(t *testing.T) {
	for name, change := range variants() {
		run := func(recompute string, keep int) (float64, []float32, int) {
			m := smallModel(t, func(c *config.Config) {
				change(c)
				c.Model.Layers = 4
				c.Memory.Recompute, c.Memory.Keep = recompute, keep
			})
			step, err := m.TrainStep(3, 6)
			if err != nil {
				t.Fatal(err)
			}
			fillSmall(step.Tokens, step.Targets, m.Spec.Vocab, 3)
			for range 2 {
				if err := step.Run(1, false); err != nil {
					t.Fatal(err)
				}
			}
			return step.Loss.Sum, grads(m), len(m.arena)
		}
		loss, g, arena := run("none", 0)
		for _, keep := range []int{4, 3, 2, 0} {
			loss2, g2, arena2 := run("block", keep)
			if loss != loss2 || !slices.Equal(g, g2) {
				t.Errorf("%s: recomputation with %d of 4 layers kept changes the result", name, keep)
			}
			if keep == 4 && arena2 != arena || keep < 4 && arena2 >= arena {
				t.Errorf("%s: %d floats with %d layers kept, %d with more", name, arena2, keep, arena)
			}
			arena = arena2
		}
	}
}

// TestGradientsInBF16: each number is one of the two neighbours of the exact one,
// whole or accumulated.
func TestGradientsInBF16(t *testing.T) {
	for name, change := range variants() {
		run := func(format string, accumulate bool) []float32 {
			m := smallModel(t, func(c *config.Config) {
				change(c)
				c.Memory.Grads = format
			})
			step, err := m.TrainStep(3, 6)
			if err != nil {
				t.Fatal(err)
			}
			fillSmall(step.Tokens, step.Targets, m.Spec.Vocab, 3)
			for i := range 2 {
				step.Round = uint64(i)
				if err := step.Run(1, accumulate && i > 0); err != nil {
					t.Fatal(err)
				}
			}
			return grads(m)
		}
		for _, accumulate := range []bool{false, true} {
			want, got := run("float32", accumulate), run("bf16", accumulate)
			differ := false
			for i := range want {
				// Accumulation rounds twice, and so does a tied embedding, whose
				// two parts may cancel.
				tolerance := math.Abs(float64(want[i]))/128 + 0.05
				differ = differ || want[i] != got[i]
				if math.Abs(float64(got[i]-want[i])) > tolerance {
					t.Fatalf("%s, accumulate %v: gradient %d is %v, in bfloat16 %v", name, accumulate, i, want[i], got[i])
				}
			}
			if !differ {
				t.Errorf("%s: bfloat16 changed nothing", name)
			}
		}
	}
}

// TestAccumulation: two micro-batches add up to the batch.
func TestAccumulation(t *testing.T) {
	for name, change := range variants() {
		m := smallModel(t, change)
		whole, err := m.TrainStep(4, 6)
		if err != nil {
			t.Fatal(err)
		}
		if m.Spec.Conv.Condition == "shuffled" {
			continue // the neighbours in the batch differ by design
		}
		fillSmall(whole.Tokens, whole.Targets, m.Spec.Vocab, 3)
		if err := whole.Run(0.1, false); err != nil {
			t.Fatal(err)
		}
		want := grads(m)
		half, err := m.TrainStep(2, 6)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			copy(half.Tokens, whole.Tokens[i*12:])
			copy(half.Targets, whole.Targets[i*12:])
			if err := half.Run(0.1, i > 0); err != nil {
				t.Fatal(err)
			}
		}
		got := grads(m)
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-5*(1+math.Abs(float64(want[i]))) {
				t.Fatalf("%s: gradient %d is %v in one batch, %v in two halves", name, i, want[i], got[i])
			}
		}
	}
}

// TestInitialisationIsOneStream: a parameter drawn in pieces has the numbers of its
// stream drawn in one go, with any number of threads.
func TestInitialisationIsOneStream(t *testing.T) {
	defer kernels.SetThreads(0)
	p := ParamSpec{"embed", 3, 70001, Embedding}
	want := make([]float32, p.Size())
	rng.New(5, rng.Label("init"), rng.Label("embed")).FillNormal(want, 0.5)
	for _, threads := range []int{1, 3} {
		kernels.SetThreads(threads)
		got := make([]float32, p.Size())
		Spec{Model: config.Model{InitStd: 0.5}}.initialise(p, got, 5)
		if !slices.Equal(got, want) {
			t.Errorf("%d threads: other numbers than one stream", threads)
		}
	}
}

// TestInitialSizes holds the spread of every parameter's first values to what Kind says.
func TestInitialSizes(t *testing.T) {
	for name, kind := range map[string]string{"lowrank": "self", "headwise": "self", "constant": "constant"} {
		c := config.Default()
		c.Model.Vocab, c.Model.Dim, c.Model.MLPDim, c.Model.Layers, c.Model.Position, c.Model.Tied = 300, 256, 384, 3, "learned", false
		c.Model.Head, c.Model.InitStd = "autoencoder", 0.05
		c.Conv.Kind, c.Conv.Condition, c.Conv.InitScale = "dynamic", kind, 0.5
		if name == "headwise" {
			c.Conv.Filter = name
		}
		m := New(SpecOf(c), false)
		m.Init(3)
		for _, p := range m.Params {
			want := 0.05
			switch {
			case p.Kind == Gain || p.Kind == Condition:
				want = 1
			case p.Kind == ZeroFactor:
				want = 0
			case p.Kind == Generator:
				want = 1 / math.Sqrt(256) / math.Sqrt(3)
			case p.Kind == Taps:
				want = 0.5 / math.Sqrt(4) / math.Sqrt(3)
			case strings.HasSuffix(p.Name, ".wo") || strings.HasSuffix(p.Name, ".w_down"):
				want = 0.05 / math.Sqrt(2*3)
			}
			sum := 0.0
			for _, v := range p.Data {
				sum += float64(v) * float64(v)
			}
			if got := math.Sqrt(sum / float64(len(p.Data))); math.Abs(got-want) > 0.12*want {
				t.Errorf("%s, %s: values of %.4f, want %.4f", name, p.Name, got, want)
			}
		}
		first := slices.Clone(m.Weights)
		if m.Init(4); slices.Equal(first, m.Weights) {
			t.Error("seeds 3 and 4 start alike")
		}
	}
}

// TestCausality: a later token changes no earlier logits, but for a decoder that
// reads the last position.
func TestCausality(t *testing.T) {
	for name, change := range variants() {
		m := smallModel(t, change)
		step, err := m.Look(2, 6)
		if err != nil {
			t.Fatal(err)
		}
		fillSmall(step.Tokens, step.Targets, m.Spec.Vocab, 3)
		if err := step.Run(1, false); err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(step.Logits)
		step.Tokens[4] = (step.Tokens[4] + 1) % int32(m.Spec.Vocab)
		if err := step.Run(1, false); err != nil {
			t.Fatal(err)
		}
		v := m.Spec.Vocab
		if causal := slices.Equal(before[:4*v], step.Logits[:4*v]); causal == (m.Spec.Head == "autoencoder") {
			t.Errorf("%s: position 4 changed the logits of an earlier one: %v", name, !causal)
		}
		if slices.Equal(before[4*v:5*v], step.Logits[4*v:5*v]) {
			t.Errorf("%s: position 4 did not change its own logits", name)
		}
	}
}

// TestMemoryEstimate compares the estimate of the arena with the planned one, for
// every variant, recomputed or not, at shapes in which other moments are fullest.
func TestMemoryEstimate(t *testing.T) {
	worst := 1.0
	for name, change := range variants() {
		for keep, recompute := range []string{"none", "block", "block"} {
			for _, shape := range [][4]int{{64, 4, 176, 8}, {64, 12, 64, 8}, {32, 2, 256, 4}, {128, 3, 352, 2}, {256, 2, 512, 2}} {
				c := config.Default()
				m := &c.Model
				m.Vocab, m.Dim, m.Layers, m.Heads, m.MLPDim, m.Tied, m.Position = 64, shape[0], shape[1], 4, shape[2], true, "rope"
				c.Task.SeqLen = 32
				change(c)
				c.Conv.Rank, c.Conv.HeadSize, c.Memory.Recompute, c.Memory.Keep = 16, 16, recompute, keep&^1
				s := SpecOf(c)
				model := New(s, true)
				if _, err := model.TrainStep(shape[3], 32); err != nil {
					t.Fatal(err)
				}
				r := float64(s.activations(int64(shape[3])*32)) / float64(len(model.arena))
				if math.Abs(r-1) > math.Abs(worst-1) {
					worst = r
				}
				if r < 0.9 || r > 1.1 {
					t.Errorf("%s, recompute %s, %d kept, D %d, %d layers, F %d: the estimate is %.2f of what is planned", name, recompute, keep&^1, shape[0], shape[1], m.MLPDim, r)
				}
			}
		}
	}
	t.Logf("worst estimate: %.3f of what is planned", worst)
}

func ExampleSpec_Count() {
	c := config.Default()
	m := &c.Model
	m.Dim, m.Layers, m.Heads, m.MLPDim, m.Vocab, m.Tied = 1024, 16, 16, 2752, 100352, true
	c.Conv.Kind = "none"
	fmt.Printf("%.1fM parameters\n", float64(SpecOf(c).Count().Total)/1e6)
	// Output: 305.2M parameters
}
