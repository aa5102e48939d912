package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// attentionRef is attention in float64, one score at a time: the reference. Its
// matrices are dense.
type attentionRef struct {
	Attention
	q, k, v, do        []float64
	o, dq, dk, dv, lse []float64
}

func (a *attentionRef) forward() {
	cols := a.Heads * a.Dim
	a.o, a.lse = make([]float64, a.B*a.T*cols), make([]float64, a.B*a.Heads*a.T)
	a.each(func(b, h, t int, at func(t int) int) {
		var sum float64
		p := a.scores(t, at)
		top := math.Inf(-1)
		for _, s := range p {
			top = max(top, s)
		}
		for j, s := range p {
			p[j] = math.Exp(s - top)
			sum += p[j]
		}
		for j := range p {
			for d := range a.Dim {
				a.o[at(t)+d] += p[j] / sum * a.v[at(j)+d]
			}
		}
		a.lse[(b*a.Heads+h)*a.T+t] = top + math.Log(sum)
	})
}

func (a *attentionRef) backward() {
	n := len(a.q)
	a.dq, a.dk, a.dv = make([]float64, n), make([]float64, n), make([]float64, n)
	scale := 1 / math.Sqrt(float64(a.Dim))
	a.each(func(b, h, t int, at func(t int) int) {
		row := func(m []float64, t int) []float64 { return m[at(t) : at(t)+a.Dim] }
		delta := inner(row(a.do, t), row(a.o, t))
		for j, s := range a.scores(t, at) {
			p := math.Exp(s - a.lse[(b*a.Heads+h)*a.T+t])
			ds := p * (inner(row(a.do, t), row(a.v, j)) - delta) * scale
			for d := range a.Dim {
				a.dv[at(j)+d] += p * a.do[at(t)+d]
				a.dk[at(j)+d] += ds * a.q[at(t)+d]
				a.dq[at(t)+d] += ds * a.k[at(j)+d]
			}
		}
	})
}

// each visits every query; at gives where a row of its head starts.
func (a *attentionRef) each(visit func(b, h, t int, at func(t int) int)) {
	for b := range a.B {
		for h := range a.Heads {
			for t := range a.T {
				visit(b, h, t, func(t int) int { return ((b*a.T+t)*a.Heads + h) * a.Dim })
			}
		}
	}
}

// scores are those of query t with the keys up to t.
func (a *attentionRef) scores(t int, at func(t int) int) []float64 {
	s := make([]float64, t+1)
	for j := range s {
		s[j] = inner(a.q[at(t):at(t)+a.Dim], a.k[at(j):at(j)+a.Dim]) / math.Sqrt(float64(a.Dim))
	}
	return s
}

func TestAttentionReferenceGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	a := &attentionRef{Attention: Attention{B: 2, T: 5, Heads: 2, Dim: 3}}
	n := a.B * a.T * a.Heads * a.Dim
	a.q, a.k, a.v, a.do = normals(r, n), normals(r, n), normals(r, n), normals(r, n)
	loss := func() float64 {
		a.forward()
		return inner(a.o, a.do)
	}
	loss()
	a.backward()
	dq, dk, dv := a.dq, a.dk, a.dv
	checkGradient(t, "dq", a.q, dq, loss)
	checkGradient(t, "dk", a.k, dk, loss)
	checkGradient(t, "dv", a.v, dv, loss)
}

// testAttention holds both directions to the reference, with strided views, and
// checks the guards and that any number of threads gives the same bits. gain
// stretches the scores: with a large one most probabilities vanish.
func testAttention(t *testing.T, r *rand.Rand, a Attention, gain float32) {
	t.Helper()
	rows, cols := a.B*a.T, a.Heads*a.Dim
	matrix := func() (v View, whole []float32, before int) {
		before = r.IntN(20)
		v, whole = randomMatrix(r, rows, cols, cols+r.IntN(40), before)
		return
	}
	q, _, _ := matrix()
	k, _, _ := matrix()
	v, _, _ := matrix()
	do, _, _ := matrix()
	for i := range rows {
		for j := range cols {
			q.Row(i, cols)[j] *= gain
		}
	}
	ref := &attentionRef{Attention: a, q: q.float64s(rows, cols), k: k.float64s(rows, cols), v: v.float64s(rows, cols), do: do.float64s(rows, cols)}
	ref.forward()
	ref.backward()

	const bound = 1e-5
	n := a.B * a.Heads * a.T
	lse := make([]float32, n+5)
	o, oWhole, oBefore := matrix()
	dq, dqWhole, dqBefore := matrix()
	dk, dkWhole, dkBefore := matrix()
	dv, dvWhole, dvBefore := matrix()
	var first [][]float32
	for _, threads := range threadCounts {
		withThreads(t, threads)
		for i := range lse {
			lse[i] = guard
		}
		a.Forward(o, lse, q, k, v)
		a.Backward(dq, dk, dv, do, o, lse, q, k, v)
		all := [][]float32{oWhole, lse, dqWhole, dkWhole, dvWhole}
		if first != nil {
			for i := range all {
				sameBits(t, fmt.Sprintf("%+v, %d threads, %s", a, threads, []string{"o", "lse", "dq", "dk", "dv"}[i]), first[i], all[i])
			}
			continue
		}
		for _, w := range all {
			first = append(first, append([]float32(nil), w...))
		}
		what := fmt.Sprintf("%+v gain %v: ", a, gain)
		checkClose(t, what+"o", o, rows, cols, ref.o, bound, 0)
		checkClose(t, what+"lse", Dense(lse, n), 1, n, ref.lse, bound, 1)
		checkClose(t, what+"dv", dv, rows, cols, ref.dv, bound, 0)
		// A gradient that cancels keeps the rounding of its terms.
		checkClose(t, what+"dq", dq, rows, cols, ref.dq, bound, 0.1*float64(gain))
		checkClose(t, what+"dk", dk, rows, cols, ref.dk, bound, 0.1*float64(gain))
		checkGuards(t, what+"o", oWhole, oBefore, o.Stride, rows, cols)
		checkGuards(t, what+"lse", lse, 0, n, 1, n)
		checkGuards(t, what+"dq", dqWhole, dqBefore, dq.Stride, rows, cols)
		checkGuards(t, what+"dk", dkWhole, dkBefore, dk.Stride, rows, cols)
		checkGuards(t, what+"dv", dvWhole, dvBefore, dv.Stride, rows, cols)
	}
}

func TestAttention(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 2))
		for _, a := range []Attention{
			{B: 1, T: 1, Heads: 1, Dim: 1}, {B: 3, T: 1, Heads: 2, Dim: 16}, {B: 1, T: 2, Heads: 1, Dim: 5},
			{B: 2, T: 7, Heads: 1, Dim: 3}, {B: 2, T: 17, Heads: 3, Dim: 24}, {B: 2, T: 64, Heads: 2, Dim: 32},
			{B: 1, T: 65, Heads: 1, Dim: 80}, {B: 1, T: 131, Heads: 2, Dim: 128}, {B: 5, T: 33, Heads: 4, Dim: 16},
			{B: 1, T: 256, Heads: 2, Dim: 64}, {B: 1, T: 300, Heads: 1, Dim: 47}, {B: 1, T: 600, Heads: 1, Dim: 16},
			{B: 1, T: 1100, Heads: 1, Dim: 8},
			{B: 67, T: 5, Heads: 4, Dim: 9}, {B: 130, T: 19, Heads: 3, Dim: 16}, // several heads a task
		} {
			testAttention(t, r, a, 1)
		}
		testAttention(t, r, Attention{B: 1, T: 150, Heads: 2, Dim: 32}, 40)
		testAttention(t, r, Attention{B: 1, T: 700, Heads: 1, Dim: 16}, 20)
		testAttention(t, r, Attention{B: 1, T: 40, Heads: 2, Dim: 32}, 0)
	})
}

// A value that is not finite reaches all queries that see it, so that it is noticed.
// (It may also reach those that share a tile with one of them.)
func TestAttentionNotFinite(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 3))
		a := Attention{B: 1, T: 50, Heads: 1, Dim: 16}
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1))} {
			q, _ := randomMatrix(r, a.T, a.Dim, a.Dim, 0)
			k, _ := randomMatrix(r, a.T, a.Dim, a.Dim, 0)
			v, _ := randomMatrix(r, a.T, a.Dim, a.Dim, 0)
			o, _ := randomMatrix(r, a.T, a.Dim, a.Dim, 0)
			lse := make([]float32, a.T)
			v.Row(30, a.Dim)[3] = bad
			a.Forward(o, lse, q, k, v)
			for i := 30; i < a.T; i++ {
				if x := float64(o.Row(i, a.Dim)[3]); !math.IsNaN(x) && !math.IsInf(x, 0) {
					t.Fatalf("v[30] = %v: o[%d] = %v", bad, i, x)
				}
			}
		}
	})
}

func FuzzAttention(f *testing.F) {
	f.Add(uint64(1), uint8(1), uint16(5), uint8(2), uint8(3), uint8(10))
	f.Add(uint64(2), uint8(2), uint16(64), uint8(1), uint8(32), uint8(30))
	f.Add(uint64(3), uint8(1), uint16(290), uint8(1), uint8(17), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, b uint8, steps uint16, heads, dim, gain uint8) {
		a := Attention{B: 1 + int(b%3), T: 1 + int(steps%300), Heads: 1 + int(heads%3), Dim: 1 + int(dim%100)}
		for s := ISAGo; s <= bestISA(); s++ {
			restore := setISA(s)
			testAttention(t, rand.New(rand.NewPCG(seed, 0)), a, float32(gain%40)/10)
			restore()
		}
	})
}

// attentionShapes are those of the 27M model, of recall models and of long text.
var attentionShapes = []Attention{
	{B: 8, T: 256, Heads: 8, Dim: 64},
	{B: 64, T: 256, Heads: 2, Dim: 32},
	{B: 256, T: 64, Heads: 2, Dim: 64},
	{B: 256, T: 64, Heads: 2, Dim: 32},
	{B: 64, T: 256, Heads: 2, Dim: 64},
	{B: 1, T: 4096, Heads: 2, Dim: 64},
	{B: 1, T: 512, Heads: 16, Dim: 128},
}

func BenchmarkAttention(b *testing.B) {
	for _, a := range attentionShapes {
		for _, backward := range []bool{false, true} {
			for _, threads := range []int{1, 2} {
				name := map[bool]string{false: "forward", true: "backward"}[backward]
				b.Run(fmt.Sprintf("%s/B%dxT%dxH%dxD%d/threads=%d", name, a.B, a.T, a.Heads, a.Dim, threads), func(b *testing.B) {
					benchmarkAttention(b, a, backward, threads)
				})
			}
		}
	}
}

// benchmarkAttention counts the products below and on the diagonal: half of T*T.
func benchmarkAttention(b *testing.B, a Attention, backward bool, threads int) {
	withThreads(b, threads)
	r := rand.New(rand.NewPCG(1, 1))
	rows, cols := a.B*a.T, a.Heads*a.Dim
	qkv, _ := randomMatrix(r, rows, 3*cols, 3*cols, 0)
	dqkv, _ := randomMatrix(r, rows, 3*cols, 3*cols, 0)
	o, _ := randomMatrix(r, rows, cols, cols, 0)
	do, _ := randomMatrix(r, rows, cols, cols, 0)
	lse := make([]float32, a.B*a.Heads*a.T)
	q, k, v := qkv, qkv.At(0, cols), qkv.At(0, 2*cols)
	a.Forward(o, lse, q, k, v)
	products := 2.0
	if backward {
		products = 5
	}
	b.ReportAllocs()
	for b.Loop() {
		if backward {
			a.Backward(dqkv, dqkv.At(0, cols), dqkv.At(0, 2*cols), do, o, lse, q, k, v)
		} else {
			a.Forward(o, lse, q, k, v)
		}
	}
	pairs := float64(a.B*a.Heads) * float64(a.T) * float64(a.T) / 2
	b.ReportMetric(2*products*pairs*float64(a.Dim)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
