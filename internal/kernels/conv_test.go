package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// convOperands are the operands and results of one convolution. Every matrix is a
// column slice of a wider one, between guards; whole holds all the memory that the
// kernel may write a part of.
type convOperands struct {
	x, gen, dy   View
	y, dx, dgen  View
	u, s, du, ds []float32
	whole        [][]float32
	initial      [][]float32
}

func newConvOperands(r *rand.Rand, c Conv, spread int) *convOperands {
	o := new(convOperands)
	rows := c.B * c.T
	input := func(cols int) View {
		v, _ := randomMatrix(r, rows, cols, cols+spread*r.IntN(5), spread*r.IntN(9))
		return v
	}
	output := func(rows, cols int) View {
		v, whole := randomMatrix(r, rows, cols, cols+spread*r.IntN(5), spread*r.IntN(9))
		o.whole = append(o.whole, whole)
		return v
	}
	o.x, o.gen, o.dy = input(c.D), input(c.GenCols()), input(c.D)
	o.y, o.dx, o.dgen = output(rows, c.D), output(rows, c.D), output(rows, c.GenCols())
	vector := func(n int) []float32 {
		v, _ := randomMatrix(r, 1, n, n, 1)
		return v.Data
	}
	o.u, o.s = vector(c.factorSize()), vector(c.staticSize())
	o.du, o.ds = output(1, c.factorSize()).Data, output(1, c.staticSize()).Data
	for _, w := range o.whole {
		o.initial = append(o.initial, append([]float32(nil), w...))
	}
	return o
}

// run computes all results from the same initial memory.
func (o *convOperands) run(c Conv, acc bool) {
	for i := range o.whole {
		copy(o.whole[i], o.initial[i])
	}
	c.Forward(o.y, o.x, o.gen, o.u, o.s)
	c.Backward(o.dx, o.dgen, o.du, o.ds, o.dy, o.x, o.gen, o.u, o.s, acc)
}

// results copies everything that a run may have written, guards included.
func (o *convOperands) results() [][]float32 {
	out := make([][]float32, len(o.whole))
	for i, w := range o.whole {
		out[i] = append([]float32(nil), w...)
	}
	return out
}

// withISA runs f on an instruction set.
func withISA(s ISA, f func()) {
	defer setISA(s)()
	f()
}

var convResults = []string{"y", "dx", "dgen", "du", "ds"}

// testConv holds the kernels of the instruction set in use to the plain twin:
// values, guards, and the same bits for any number of threads.
func testConv(t *testing.T, r *rand.Rand, c Conv, acc bool) {
	t.Helper()
	o := newConvOperands(r, c, 1)
	var plain, first [][]float32
	withThreads(t, 1)
	withISA(ISAGo, func() {
		o.run(c, acc)
		plain = o.results()
	})
	for _, threads := range []int{1, 2, 3, 5} {
		withThreads(t, threads)
		o.run(c, acc)
		if first == nil {
			first = o.results()
		}
		for i, w := range o.whole {
			for j := range w {
				if math.Float32bits(w[j]) != math.Float32bits(first[i][j]) {
					t.Fatalf("%+v acc %v: %s: %d threads give other bits than 1", c, acc, convResults[i], threads)
				}
			}
		}
	}
	// A result is the sum of so many terms of about 1, and may cancel to nothing.
	terms := []int{c.W * (c.Rank + 1), c.W * (c.Rank + 1), c.HeadSize + c.Rank*c.W*c.D, c.B * c.T, c.B * c.T}
	for i, want := range plain {
		var diff, norm float64
		for j, x := range want {
			got := first[i][j]
			if x == guard || got == guard {
				if got != x {
					t.Fatalf("%+v acc %v: %s: wrote outside, or left out value %d", c, acc, convResults[i], j)
				}
				continue
			}
			diff += (float64(got) - float64(x)) * (float64(got) - float64(x))
			norm += float64(x)*float64(x) + float64(terms[i])
		}
		if !(diff <= 1e-12*norm) {
			t.Fatalf("%+v acc %v: %s is off by %.2g of what its terms allow", c, acc, convResults[i], math.Sqrt(diff/norm))
		}
	}
}

// convEdges are the shapes at which loops over tiles, vectors and positions begin
// and end.
var convEdges = []Conv{
	{B: 1, T: 1, D: 1, W: 1},
	{B: 2, T: 1, D: 4, W: 4},
	{B: 2, T: 2, D: 16, W: 4},
	{B: 3, T: 3, D: 5, W: 8},
	{B: 2, T: 5, D: 33, W: 1},
	{B: 1, T: 7, D: 16, W: 2},
	{B: 2, T: 9, D: 31, W: 3},
	{B: 2, T: 8, D: 48, W: 4},
	{B: 1, T: 65, D: 17, W: 4},
	{B: 2, T: 64, D: 64, W: 4},
	{B: 3, T: 131, D: 24, W: 4},
	{B: 1, T: 40, D: 32, W: 5},
	{B: 1, T: 41, D: 33, W: 6},
	{B: 1, T: 42, D: 15, W: 7},
	{B: 1, T: 43, D: 40, W: 8},
	{B: 1, T: 30, D: 16, W: 9},
	{B: 9, T: 20, D: 16, W: 2},
	{B: 37, T: 4, D: 8, W: 3},
	{B: 2, T: 37, D: 160, W: 4}, // channels of more than one run of gradients, the last one shorter
	{B: 1, T: 21, D: 288, W: 3},
}

// convKinds gives the dynamic and static variants of a shape.
func convKinds(c Conv) []Conv {
	out := []Conv{c, c}
	out[1].Residual = true
	for _, size := range []int{1, 2, 4, 5, 8, 16, 24, 32, c.D} {
		if c.D%size == 0 {
			h := c
			h.Kind, h.HeadSize, h.Static, h.Residual = ConvHeadwise, size, size%3 != 1, size%2 == 0
			out = append(out, h)
		}
	}
	for i, rank := range []int{1, 3, 4, 8, 16, 17, 32} {
		l := c
		l.Kind, l.Rank, l.Static, l.Residual = ConvLowRank, rank, i%2 == 0, i%3 == 0
		out = append(out, l)
	}
	return out
}

func TestConvEdges(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 1))
		for _, shape := range convEdges {
			for i, c := range convKinds(shape) {
				if c.Kind != ConvStatic {
					c.Shift = i % 3
				}
				testConv(t, r, c, i%2 == 0)
			}
		}
	})
}

func TestConvStaticAndResidual(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 2))
		for i := range 8 {
			for _, c := range []Conv{
				{B: 2, T: 19, D: 32, W: 4, Kind: ConvHeadwise, HeadSize: 16},
				{B: 2, T: 19, D: 35, W: 4, Kind: ConvLowRank, Rank: 16},
			} {
				c.Static, c.Residual = i&1 != 0, i&2 != 0
				testConv(t, r, c, i&4 != 0)
			}
		}
	})
}

func FuzzConv(f *testing.F) {
	f.Add(uint64(1), uint8(2), uint8(70), uint8(64), uint8(4), uint8(0), uint8(0), uint8(1))
	f.Add(uint64(2), uint8(3), uint8(11), uint8(48), uint8(4), uint8(1), uint8(16), uint8(3))
	f.Add(uint64(3), uint8(1), uint8(29), uint8(33), uint8(3), uint8(2), uint8(16), uint8(7))
	f.Add(uint64(107), uint8(253), uint8(26), uint8(0), uint8(18), uint8(0), uint8(3), uint8(16)) // ds cancels
	f.Fuzz(func(t *testing.T, seed uint64, b, length, d, w, kind, size, flags uint8) {
		c := Conv{
			B: 1 + int(b%5), T: 1 + int(length%140), D: 1 + int(d%100), W: 1 + int(w%9), Kind: ConvKind(kind % 3),
			Static: flags&1 != 0, Residual: flags&2 != 0, Shift: int(flags >> 4),
		}
		switch c.Kind {
		case ConvHeadwise:
			c.HeadSize = 1 + int(size%40)
			c.D = c.HeadSize * (1 + c.D/c.HeadSize)
		case ConvLowRank:
			c.Rank = 1 + int(size%40)
		}
		for s := ISAGo; s <= bestISA(); s++ {
			withISA(s, func() { testConv(t, rand.New(rand.NewPCG(seed, 5)), c, flags&4 != 0) })
		}
	})
}

// TestConvFiniteDifferences checks every gradient of sum(y*dy). y is linear in each
// operand when the others are fixed, so that a step of 1 has no error but rounding.
func TestConvFiniteDifferences(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 3))
		for _, c := range []Conv{
			{B: 2, T: 9, D: 19, W: 4, Residual: true},
			{B: 3, T: 7, D: 16, W: 3, Kind: ConvHeadwise, HeadSize: 8, Static: true, Shift: 1},
			{B: 2, T: 9, D: 32, W: 4, Kind: ConvHeadwise, HeadSize: 16, Residual: true},
			{B: 3, T: 8, D: 17, W: 4, Kind: ConvLowRank, Rank: 5, Static: true, Residual: true, Shift: 2},
			{B: 1, T: 5, D: 16, W: 2, Kind: ConvLowRank, Rank: 16},
		} {
			o := newConvOperands(r, c, 0)
			o.run(c, false)
			loss := func() (sum float64) {
				c.Forward(o.y, o.x, o.gen, o.u, o.s)
				for i := range c.B * c.T {
					for j, y := range o.y.Row(i, c.D) {
						sum += float64(y) * float64(o.dy.Row(i, c.D)[j])
					}
				}
				return sum
			}
			for _, p := range []struct {
				name        string
				value, grad []float32
			}{{"x", o.x.Data, o.dx.Data}, {"gen", o.gen.Data, o.dgen.Data}, {"u", o.u, o.du}, {"s", o.s, o.ds}} {
				for range min(len(p.value), 40) {
					i := r.IntN(len(p.value))
					former := p.value[i]
					p.value[i] = former + 1
					up := loss()
					p.value[i] = former - 1
					down := loss()
					p.value[i] = former
					if want := (up - down) / 2; math.Abs(float64(p.grad[i])-want) > 2e-4*(1+math.Abs(want)) {
						t.Fatalf("%+v: gradient of %s[%d] is %v, finite differences give %v", c, p.name, i, p.grad[i], want)
					}
				}
			}
		}
	})
}

func TestConvAllocatesNothing(t *testing.T) {
	if !poolsKeep {
		t.Skip("the race detector makes garbage")
	}
	everyISA(t, func(t *testing.T) {
		if isa == ISAGo {
			t.Skip("the plain twin makes closures")
		}
		withThreads(t, 2)
		r := rand.New(rand.NewPCG(11, 4))
		for _, c := range []Conv{
			{B: 4, T: 70, D: 40, W: 4},
			{B: 4, T: 70, D: 32, W: 4, Kind: ConvHeadwise, HeadSize: 16},
			{B: 4, T: 70, D: 40, W: 4, Kind: ConvLowRank, Rank: 16},
		} {
			o := newConvOperands(r, c, 0)
			run := func() {
				c.Forward(o.y, o.x, o.gen, o.u, o.s)
				c.Backward(o.dx, o.dgen, o.du, o.ds, o.dy, o.x, o.gen, o.u, o.s, false)
			}
			run()
			if got := testing.AllocsPerRun(20, run); got >= 1 {
				t.Errorf("kind %d: %v allocations a step", c.Kind, got)
			}
		}
	})
}

// benchConvs are the shapes of the 27M model and of the recall models.
func benchConvs() []Conv {
	var out []Conv
	for _, shape := range []Conv{{B: 8, T: 256, D: 512, W: 4}, {B: 64, T: 256, D: 64, W: 4}, {B: 256, T: 64, D: 128, W: 4}} {
		shape.Static, shape.Residual = true, true
		out = append(out, shape)
		h, l := shape, shape
		h.Kind, h.HeadSize = ConvHeadwise, 16
		l.Kind, l.Rank = ConvLowRank, 16
		out = append(out, h, l)
	}
	return out
}

func BenchmarkConv(b *testing.B) {
	for _, c := range benchConvs() {
		for _, pass := range []string{"forward", "backward"} {
			for _, threads := range []int{1, 2} {
				name := fmt.Sprintf("%s/%s/B%dT%dD%d/threads=%d", []string{"static", "headwise", "lowrank"}[c.Kind], pass, c.B, c.T, c.D, threads)
				b.Run(name, func(b *testing.B) { benchmarkConv(b, c, pass == "forward", threads) })
			}
		}
	}
}

// benchmarkConv runs a convolution on column slices as wide as a layer's, over
// several tensors in turn, so that large ones come from memory. It reports the
// bytes that must move and, for low-rank, the multiply-adds of making the taps and
// of their gradients.
func benchmarkConv(b *testing.B, c Conv, forward bool, threads int) {
	withThreads(b, threads)
	r := rand.New(rand.NewPCG(1, 1))
	const tensors = 3
	rows, cols, wide := c.B*c.T, tensors*c.D, tensors*(c.D+c.GenCols())
	in, _ := randomMatrix(r, rows, wide, wide, 0)
	grad, _ := randomMatrix(r, rows, cols, cols, 0)
	out, dout := Dense(make([]float32, rows*cols), cols), Dense(make([]float32, rows*wide), wide)
	u, s := make([]float32, c.factorSize()), make([]float32, c.staticSize())
	du, ds := make([]float32, c.factorSize()), make([]float32, c.staticSize())
	gen := func(v View, i int) View {
		if c.Kind == ConvStatic {
			return View{}
		}
		return v.At(0, cols+i*c.GenCols())
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 1) % tensors
		if forward {
			c.Forward(out.At(0, i*c.D), in.At(0, i*c.D), gen(in, i), u, s)
		} else {
			c.Backward(dout.At(0, i*c.D), gen(dout, i), du, ds, grad.At(0, i*c.D), in.At(0, i*c.D), gen(in, i), u, s, false)
		}
	}
	seconds := b.Elapsed().Seconds() / float64(b.N)
	values, flops := 2*c.D+c.GenCols(), 2*c.W*c.D*(c.Rank+1)
	if !forward {
		values, flops = 3*c.D+2*c.GenCols(), 3*flops
	}
	b.ReportMetric(float64(4*rows*values)/seconds/1e9, "GB/s")
	if c.Kind == ConvLowRank {
		b.ReportMetric(float64(rows*flops)/seconds/1e9, "GFLOP/s")
	}
}
