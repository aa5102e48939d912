package bench

import (
	"fmt"

	"dsconv/internal/kernels"
	"dsconv/internal/rng"
)

// The shapes of the benchmark model (configs/bench-27m.yaml), of a recall model (D 64,
// 64 sequences of 256), and of a matrix that no cache holds.
const (
	benchB, benchT, benchHeads, benchDim = 8, 256, 8, 64
	benchD, benchRows                    = benchHeads * benchDim, benchB * benchT
	benchF, benchVocab                   = 1376, 8192

	recallB, recallT, recallD = 64, 256, 64
	recallRows                = recallB * recallT
	bigRows                   = 32 << 10
)

func random(n int) []float32 {
	f := make([]float32, n)
	rng.New(uint64(n)).FillNormal(f, 1)
	return f
}

// matrix is stored as activations are, and weights as parameters are.
func matrix(rows, cols int) kernels.View {
	stride := kernels.Stride(cols)
	return kernels.View{Data: random(rows * stride), Stride: stride}
}

func weights(rows, cols int) kernels.View { return kernels.Dense(random(rows*cols), cols) }

func tokens(n, vocab int) []int32 {
	t := make([]int32, n)
	src := rng.New(1)
	for i := range t {
		t[i] = int32(src.IntN(vocab))
	}
	return t
}

func gemms() []work {
	var out []work
	add := func(l kernels.Layout, m, k, n int) {
		out = append(out, work{name: "gemm " + l.String(), shape: fmt.Sprintf("%dx%dx%d", m, k, n), flops: 2 * float64(m) * float64(k) * float64(n),
			prepare: func() func() {
				a, b, c := matrix(m, k), weights(k, n), matrix(m, n)
				switch l {
				case kernels.NT:
					b = weights(n, k)
				case kernels.TN:
					a, b, c = matrix(k, m), matrix(k, n), weights(m, n)
				}
				return func() { kernels.Gemm(l, m, n, k, a, b, c, false) }
			}})
	}
	for _, s := range [][3]int{ // M, K, N of the forward product
		{2048, 512, 1376}, {2048, 768, 768}, {2048, 768, 3072}, {2048, 3072, 768}, {2048, 512, 8192}, {2048, 512, 512},
		{recallRows, 64, 64}, {recallRows, 64, 176}, {recallRows, 64, 192}, {recallRows, 64, 352}, {recallRows, 128, 384}, {recallRows, 176, 64},
		{2048, 512, 16}, {2048, 512, 48}, {recallRows, 64, 16}, {recallRows, 64, 48},
	} {
		m, k, n := s[0], s[1], s[2]
		add(kernels.NN, m, k, n)
		add(kernels.NT, m, n, k) // gradient of the input
		add(kernels.TN, k, m, n) // gradient of the weights
	}
	for _, n := range []int{64, 96, 128, 192, 256, 384} {
		add(kernels.NN, n, n, n)
		add(kernels.NT, n, n, n)
		add(kernels.TN, n, n, n)
	}
	add(kernels.NN, 1, 512, 1376)
	add(kernels.NT, 1, 512, 8192)
	return out
}

// rowKernels are those that memory limits.
func rowKernels() []work {
	var out []work
	for _, s := range [][2]int{{benchRows, benchD}, {recallRows, recallD}, {bigRows, benchD}} {
		rows, d := s[0], s[1]
		shape, plane := fmt.Sprintf("%dx%d", rows, d), 4*float64(rows)*float64(d)
		norm := kernels.RMSNorm{Rows: rows, Groups: 1, Dim: d, Eps: 1e-5}
		heads := kernels.RMSNorm{Rows: rows, Groups: d / 32, Dim: 32, Eps: 1e-5}
		backward := func(n kernels.RMSNorm, res bool) func() func() {
			return func() func() {
				x, dy, dx, w, dw, rstd := matrix(rows, d), matrix(rows, d), matrix(rows, d), random(n.Dim), random(n.Dim), random(rows*n.Groups)
				around := kernels.View{}
				if res {
					around = matrix(rows, d)
				}
				return func() { n.Backward(dx, dw, dy, x, w, rstd, around, false) }
			}
		}
		forward := func(n kernels.RMSNorm) func() func() {
			return func() func() {
				x, y, w, rstd := matrix(rows, d), matrix(rows, d), random(n.Dim), random(rows*n.Groups)
				return func() { n.Forward(y, x, w, rstd) }
			}
		}
		out = append(out,
			work{name: "rmsnorm", shape: shape, bytes: 2 * plane, prepare: forward(norm)},
			work{name: "rmsnorm backward, residual", shape: shape, bytes: 4 * plane, prepare: backward(norm, true)},
			work{name: "qk-norm", shape: shape + ", heads of 32", bytes: 2 * plane, prepare: forward(heads)},
			work{name: "qk-norm backward", shape: shape + ", heads of 32", bytes: 3 * plane, prepare: backward(heads, false)},
			work{name: "rope", shape: shape + ", heads of 32", bytes: 2 * plane, prepare: func() func() {
				x, r := matrix(rows, d), kernels.NewRope(rows/recallT, recallT, d/32, 32, 10000)
				return func() { r.Apply(x, false) }
			}},
			work{name: "add", shape: shape, bytes: 3 * plane, prepare: func() func() {
				x, y, z := matrix(rows, d), matrix(rows, d), matrix(rows, d)
				return func() { kernels.Add(z, x, y, rows, d) }
			}},
			work{name: "embedding", shape: shape, bytes: 2 * plane, prepare: func() func() {
				table, t, y := random(benchVocab*d), tokens(rows, benchVocab), matrix(rows, d)
				return func() { kernels.EmbeddingForward(y, table, t, d) }
			}},
			// Each row is read, added to a row of the table that is read and written.
			work{name: "embedding backward", shape: shape, bytes: plane + 2*min(plane, 4*benchVocab*float64(d)), prepare: func() func() {
				table, t, dy := random(benchVocab*d), tokens(rows, benchVocab), matrix(rows, d)
				return func() { kernels.EmbeddingBackward(table, dy, t, benchVocab, d, true) }
			}})
	}
	const n = 16 << 20
	return append(out,
		work{name: "adamw", shape: "16M", bytes: 28 * n, prepare: func() func() {
			w, g, m, v := random(n), random(n), make([]float32, n), make([]float32, n)
			a := kernels.AdamW{LR: 1e-4, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, Step: 10, Scale: 1}
			return func() { a.Update(w, g, m, v) }
		}},
		work{name: "gradient norm", shape: "16M", bytes: 4 * n, prepare: func() func() {
			g := random(n)
			return func() { kernels.SumSquares(g) }
		}})
}

func convolutions() []work {
	const t, d, w, hs, rank = benchT, benchD, 4, 16, 16
	var out []work
	add := func(name string, c kernels.Conv, gen int, low bool) {
		b, rows, cols := c.B, c.B*t, max(gen, 1)
		inputs := func() (x, g kernels.View, u, s []float32) {
			if low {
				u = random(rank * w * d)
			}
			return matrix(rows, d), matrix(rows, cols), u, random(w * d)
		}
		plane, genBytes, flops := 4*float64(rows)*float64(d), 4*float64(rows)*float64(gen), 2*float64(rows)*float64(d)*w
		back := 2.0
		if low {
			flops *= rank + 1
			back = 3 // the taps, which nobody kept, are made again for dx
		}
		shape := fmt.Sprintf("B%d T%d D%d W%d", b, t, d, w)
		out = append(out,
			work{name: name, shape: shape, flops: flops, bytes: 2*plane + genBytes, prepare: func() func() {
				x, g, u, s := inputs()
				y := matrix(rows, d)
				return func() { c.Forward(y, x, g, u, s) }
			}},
			work{name: name + " backward", shape: shape, flops: back * flops, bytes: 3*plane + 2*genBytes, prepare: func() func() {
				x, g, u, s := inputs()
				dy, dx, dg, du, ds := matrix(rows, d), matrix(rows, d), matrix(rows, cols), make([]float32, len(u)), random(w*d)
				return func() { c.Backward(dx, dg, du, ds, dy, x, g, u, s, false) }
			}})
	}
	for _, b := range []int{benchB, bigRows / t} {
		c := kernels.Conv{B: b, T: t, D: d, W: w, Residual: true, Static: true, HeadSize: hs, Rank: rank}
		add("conv static", c, 0, false)
		c.Kind = kernels.ConvHeadwise
		add("conv headwise H16", c, d/hs*w, false)
		c.Kind = kernels.ConvLowRank
		add("conv lowrank R16", c, rank, true)
	}
	return out
}

// others are attention, the activation and the loss.
func others() []work {
	const rows, d, f, vocab = benchRows, benchD, benchF, benchVocab
	a := kernels.Attention{B: benchB, T: benchT, Heads: benchHeads, Dim: benchDim}
	shape := fmt.Sprintf("B%d T%d D%d", benchB, benchT, d)
	attention := 4 * float64(d) * benchB * benchT * (benchT + 1) / 2
	head := kernels.LinearCrossEntropy{Rows: rows, Dim: d, Vocab: vocab}
	out := []work{
		{name: "attention", shape: shape, flops: attention, prepare: func() func() {
			qkv, o, lse := matrix(rows, 3*d), matrix(rows, d), random(rows*benchHeads)
			return func() { a.Forward(o, lse, qkv, qkv.At(0, d), qkv.At(0, 2*d)) }
		}},
		{name: "attention backward", shape: shape, flops: 2.5 * attention, prepare: func() func() {
			qkv, o, lse, do, dqkv := matrix(rows, 3*d), matrix(rows, d), random(rows*benchHeads), matrix(rows, d), matrix(rows, 3*d)
			a.Forward(o, lse, qkv, qkv.At(0, d), qkv.At(0, 2*d))
			return func() {
				a.Backward(dqkv, dqkv.At(0, d), dqkv.At(0, 2*d), do, o, lse, qkv, qkv.At(0, d), qkv.At(0, 2*d))
			}
		}},
		{name: "cross-entropy and head", shape: fmt.Sprintf("%dx%d V%d", rows, d, vocab), flops: 6 * float64(rows) * d * vocab, prepare: func() func() {
			x, dx, e, de, losses, pred := matrix(rows, d), matrix(rows, d), random(vocab*d), random(vocab*d), random(rows), make([]int32, rows)
			targets := tokens(rows, vocab)
			return func() { head.ForwardBackward(losses, pred, dx, de, x, e, targets, 1e-3, false) }
		}},
	}
	for _, rows := range []int{benchRows, bigRows / 4} {
		shape, plane := fmt.Sprintf("%dx%d", rows, f), 4*float64(rows)*f
		out = append(out,
			work{name: "swiglu", shape: shape, bytes: 3 * plane, prepare: func() func() {
				x, y := matrix(rows, 2*f), matrix(rows, f)
				return func() { kernels.SwiGLU(y, x, x.At(0, f), rows, f) }
			}},
			work{name: "swiglu backward", shape: shape, bytes: 5 * plane, prepare: func() func() {
				x, dx, dy := matrix(rows, 2*f), matrix(rows, 2*f), matrix(rows, f)
				return func() { kernels.SwiGLUBackward(dx, dx.At(0, f), dy, x, x.At(0, f), rows, f) }
			}})
	}
	return out
}
