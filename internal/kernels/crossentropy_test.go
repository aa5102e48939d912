package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// crossEntropyRef is the output layer and its loss in float64 on dense matrices.
type crossEntropyRef struct {
	LinearCrossEntropy
	x, e    []float64
	targets []int32
	losses  []float64
	dx, de  []float64
}

// run computes the losses, and the gradients of scale times their sum.
func (l *crossEntropyRef) run(scale float64) (sum float64) {
	l.losses, l.dx, l.de = make([]float64, l.Rows), make([]float64, len(l.x)), make([]float64, len(l.e))
	p := make([]float64, l.Vocab)
	for i, target := range l.targets {
		if target == IgnoreTarget {
			continue
		}
		top, total := math.Inf(-1), 0.0
		for j := range p {
			p[j] = inner(l.x[i*l.Dim:(i+1)*l.Dim], l.e[j*l.Dim:(j+1)*l.Dim])
			top = max(top, p[j])
		}
		l.losses[i] = top - p[target]
		for j := range p {
			p[j] = math.Exp(p[j] - top)
			total += p[j]
		}
		l.losses[i] += math.Log(total)
		sum += l.losses[i]
		for j := range p {
			g := scale * p[j] / total
			if j == int(target) {
				g -= scale
			}
			for d := range l.Dim {
				l.dx[i*l.Dim+d] += g * l.e[j*l.Dim+d]
				l.de[j*l.Dim+d] += g * l.x[i*l.Dim+d]
			}
		}
	}
	return sum
}

func TestCrossEntropyReferenceGradients(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	l := &crossEntropyRef{LinearCrossEntropy: LinearCrossEntropy{Rows: 4, Dim: 3, Vocab: 5}, targets: []int32{2, IgnoreTarget, 0, 4}}
	l.x, l.e = normals(r, l.Rows*l.Dim), normals(r, l.Vocab*l.Dim)
	l.run(1)
	dx, de := l.dx, l.de
	loss := func() float64 { return l.run(1) }
	checkGradient(t, "dx", l.x, dx, loss)
	checkGradient(t, "de", l.e, de, loss)
}

// randomTargets labels about one row in every so many; none when every is 0.
func randomTargets(r *rand.Rand, rows, vocab, every int) []int32 {
	targets := make([]int32, rows)
	for i := range targets {
		targets[i] = IgnoreTarget
		if every > 0 && r.IntN(every) == 0 {
			targets[i] = int32(r.IntN(vocab))
		}
	}
	return targets
}

// testCrossEntropy holds the kernel to the reference with strided views, checks
// guards, thread counts, and that Forward alone says the same.
func testCrossEntropy(t *testing.T, r *rand.Rand, l LinearCrossEntropy, every int, acc bool, gain float32) {
	t.Helper()
	what := fmt.Sprintf("%+v, one label in %d, acc %v, gain %v: ", l, every, acc, gain)
	before := r.IntN(20)
	x, _ := randomMatrix(r, l.Rows, l.Dim, l.Dim+r.IntN(20), r.IntN(20))
	for i := range l.Rows {
		for j := range l.Dim {
			x.Row(i, l.Dim)[j] *= gain
		}
	}
	e, _ := randomMatrix(r, l.Vocab, l.Dim, l.Dim, r.IntN(20))
	dx, dxWhole := randomMatrix(r, l.Rows, l.Dim, l.Dim+r.IntN(20), before)
	de, deWhole := randomMatrix(r, l.Vocab, l.Dim, l.Dim, before)
	targets := randomTargets(r, l.Rows, l.Vocab, every)
	const scale = 0.37
	ref := &crossEntropyRef{LinearCrossEntropy: l, x: x.float64s(l.Rows, l.Dim), e: e.float64s(l.Vocab, l.Dim), targets: targets}
	wantSum := ref.run(scale)
	if acc {
		for i, g := range de.float64s(l.Vocab, l.Dim) {
			ref.de[i] += g
		}
	}
	initial := append([]float32(nil), deWhole...)
	losses, pred := make([]float32, l.Rows), make([]int32, l.Rows)
	var first [][]float32
	for _, threads := range threadCounts {
		withThreads(t, threads)
		copy(deWhole, initial)
		sum, labelled := l.ForwardBackward(losses, pred, dx, de.Data, x, e.Data, targets, scale, acc)
		if first != nil {
			for i, v := range [][]float32{losses, dxWhole, deWhole} {
				sameBits(t, what+[]string{"losses", "dx", "de"}[i], first[i], v)
			}
			continue
		}
		first = [][]float32{append([]float32(nil), losses...), append([]float32(nil), dxWhole...), append([]float32(nil), deWhole...)}
		checkClose(t, what+"losses", Dense(losses, l.Rows), 1, l.Rows, ref.losses, 2e-6, float64(1+gain))
		// Where the label has all the probability, the gradient is 1-1 and only rounding
		// is left; that of large logits grows with them.
		bound := 1e-5 * float64(1+gain/10)
		checkClose(t, what+"dx", dx, l.Rows, l.Dim, ref.dx, bound, 1e-2)
		checkClose(t, what+"de", de, l.Vocab, l.Dim, ref.de, bound, 1e-2*float64(1+gain))
		checkGuards(t, what+"dx", dxWhole, before, dx.Stride, l.Rows, l.Dim)
		checkGuards(t, what+"de", deWhole, before, l.Dim, l.Vocab, l.Dim)
		if math.Abs(sum-wantSum) > 2e-6*float64(l.Rows)*float64(1+gain)*(1+math.Sqrt(float64(l.Dim))) {
			t.Fatalf("%ssum %v, want %v", what, sum, wantSum)
		}
		n := 0
		for i, target := range targets {
			if target == IgnoreTarget {
				if losses[i] != 0 || pred[i] != -1 {
					t.Fatalf("%sunlabelled row %d has loss %v, prediction %d", what, i, losses[i], pred[i])
				}
				continue
			}
			n++
			xr := ref.x[i*l.Dim : (i+1)*l.Dim]
			logit := func(j int) float64 { return inner(xr, ref.e[j*l.Dim:(j+1)*l.Dim]) }
			best := logit(int(pred[i]))
			for j := range l.Vocab {
				if logit(j) > best+1e-5*(1+math.Abs(best)) {
					t.Fatalf("%srow %d: predicted %d (%v), but token %d has %v", what, i, pred[i], best, j, logit(j))
				}
			}
		}
		if n != labelled {
			t.Fatalf("%s%d labelled rows, want %d", what, labelled, n)
		}
		forward, pred2 := make([]float32, l.Rows), make([]int32, l.Rows)
		if s, n := l.Forward(forward, pred2, x, e.Data, targets); s != sum || n != labelled {
			t.Fatalf("%sForward gives %v of %d rows, ForwardBackward %v of %d", what, s, n, sum, labelled)
		}
		sameBits(t, what+"Forward", losses, forward)
		for i := range pred {
			if pred[i] != pred2[i] {
				t.Fatalf("%sForward predicts %d for row %d, ForwardBackward %d", what, pred2[i], i, pred[i])
			}
		}
	}
}

// TestCrossEntropyInBF16: losses, predictions and dx are those of ForwardBackward, and
// each value of de is the exact one rounded to one of its neighbours, or, where there
// are several blocks of rows or something to add to, rounded once for each.
func TestCrossEntropyInBF16(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 6))
		for _, l := range []LinearCrossEntropy{{1, 1, 1}, {7, 16, 31}, {130, 32, 77}, {1100, 2, 1031}, {1, 1<<20 + 1, 9}} {
			for _, acc := range []bool{false, true} {
				if l.Dim > 1<<20 && (acc || ActiveISA() == ISAGo) {
					continue // the table in several pieces takes 8 M values
				}
				what := fmt.Sprintf("%+v acc %v: ", l, acc)
				x, e := Dense(randomValues(r, l.Rows*l.Dim), l.Dim), randomValues(r, l.Vocab*l.Dim)
				for i := range e {
					e[i] /= float32(l.Dim)
				}
				targets := randomTargets(r, l.Rows, l.Vocab, 1)
				first := narrowed(randomValues(r, l.Vocab*l.Dim))
				de, whole := guarded16(first)
				n := l.Rows * l.Dim
				losses, dx, pred := make([]float32, l.Rows), make([]float32, n), make([]int32, l.Rows)
				losses2, dx2, pred2, want := make([]float32, l.Rows), make([]float32, n), make([]int32, l.Rows), widened(first)
				sum2, labelled2 := l.ForwardBackward(losses2, pred2, Dense(dx2, l.Dim), want, x, e, targets, 0.37, acc)
				var bits []uint16
				for _, threads := range []int{1, 3} {
					withThreads(t, threads)
					copy(de, first)
					sum, labelled := l.ForwardBackwardBF16(losses, pred, Dense(dx, l.Dim), de, x, e, targets, 0.37, acc, 5)
					if bits == nil {
						bits = append(bits, de...)
					}
					if !slices.Equal(de, bits) {
						t.Fatalf("%s%d threads give other bits", what, threads)
					}
					if labelled != labelled2 || math.Abs(sum-sum2) > 1e-5*sum2 || !slices.Equal(pred, pred2) {
						t.Fatalf("%ssum %v of %d, want %v of %d", what, sum, labelled, sum2, labelled2)
					}
				}
				for i, x := range dx {
					near(t, what+"dx", x, float64(dx2[i]), 1e-5)
				}
				intact16(t, what, whole)
				steps := 1.0
				if l.Rows > 1024 {
					steps = 2
				}
				was := widened(first)
				for i, y := range widened(de) {
					// A step of the format is at most a 128th of the largest number on the way.
					size := max(math.Abs(float64(want[i])), math.Abs(float64(y)))
					if acc || steps > 1 {
						size += math.Abs(float64(was[i])) + 1
					}
					near(t, "de", y, float64(want[i]), steps*size/128+1e-5)
				}
			}
		}
	})
}

func TestLinearCrossEntropy(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(6, 6))
		for _, l := range []LinearCrossEntropy{
			{1, 1, 1}, {3, 4, 1}, {5, 3, 2}, {7, 16, 31}, {20, 8, 33}, {64, 24, 32}, {130, 32, 77}, {9, 5, 3001}, {33, 64, 1024},
		} {
			for _, every := range []int{0, 1, 4} {
				testCrossEntropy(t, r, l, every, r.IntN(2) == 0, 1)
			}
			testCrossEntropy(t, r, l, 2, false, 30)
		}
		testCrossEntropy(t, r, LinearCrossEntropy{700, 2, 8191}, 1, true, 1) // several blocks of rows
	})
}

// The prediction is the lowest token among equals.
func TestCrossEntropyTies(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		const vocab = 5000
		l := LinearCrossEntropy{Rows: 3, Dim: 1, Vocab: vocab}
		x := []float32{1, -1, 0}
		e := make([]float32, vocab)
		for _, j := range []int{1500, 2017, 4999} {
			e[j] = 2
		}
		for _, j := range []int{3, 4444} {
			e[j] = -2
		}
		losses, pred := make([]float32, 3), make([]int32, 3)
		l.Forward(losses, pred, Dense(x, 1), e, []int32{0, 0, 0})
		if want := [3]int32{1500, 3, 0}; [3]int32(pred) != want {
			t.Errorf("predictions %v, want %v", pred, want)
		}
	})
}

func TestCrossEntropyNotFinite(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		const vocab = 40
		l := LinearCrossEntropy{Rows: 1, Dim: 1, Vocab: vocab}
		for _, bad := range []float64{math.NaN(), math.Inf(1)} {
			for _, at := range []int{0, 7, vocab - 1} {
				e := make([]float32, vocab)
				e[at] = float32(bad)
				losses, pred := make([]float32, 1), make([]int32, 1)
				l.Forward(losses, pred, Dense([]float32{1}, 1), e, []int32{3})
				if x := float64(losses[0]); !math.IsNaN(x) && !math.IsInf(x, 0) {
					t.Errorf("logit %d is %v: loss %v", at, bad, x)
				}
			}
		}
	})
}

func FuzzLinearCrossEntropy(f *testing.F) {
	f.Add(uint64(1), uint8(5), uint8(3), uint16(7), uint8(1), true, uint8(1))
	f.Add(uint64(2), uint8(60), uint8(20), uint16(999), uint8(3), false, uint8(20))
	f.Fuzz(func(t *testing.T, seed uint64, rows, dim uint8, vocab uint16, every uint8, acc bool, gain uint8) {
		l := LinearCrossEntropy{Rows: 1 + int(rows%80), Dim: 1 + int(dim%40), Vocab: 1 + int(vocab%2000)}
		for s := ISAGo; s <= bestISA(); s++ {
			restore := setISA(s)
			testCrossEntropy(t, rand.New(rand.NewPCG(seed, 0)), l, int(every%5), acc, float32(gain%30))
			restore()
		}
	})
}

func BenchmarkLinearCrossEntropy(b *testing.B) {
	for _, s := range []struct {
		LinearCrossEntropy
		every int
	}{
		{LinearCrossEntropy{2048, 512, 8192}, 1},
		{LinearCrossEntropy{16384, 64, 8192}, 4},
		{LinearCrossEntropy{16384, 128, 8192}, 4},
		{LinearCrossEntropy{16384, 128, 8192}, 64},
		{LinearCrossEntropy{256, 768, 100352}, 1},
		{LinearCrossEntropy{16384, 64, 32}, 1},
	} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%dx%d/every=%d/threads=%d", s.Rows, s.Dim, s.Vocab, s.every, threads), func(b *testing.B) {
				benchmarkCrossEntropy(b, s.LinearCrossEntropy, s.every, threads)
			})
		}
	}
}

// benchmarkCrossEntropy counts the three products.
func benchmarkCrossEntropy(b *testing.B, l LinearCrossEntropy, every, threads int) {
	withThreads(b, threads)
	r := rand.New(rand.NewPCG(1, 1))
	x, _ := randomMatrix(r, l.Rows, l.Dim, l.Dim, 0)
	dx, _ := randomMatrix(r, l.Rows, l.Dim, l.Dim, 0)
	e, _ := randomMatrix(r, l.Vocab, l.Dim, l.Dim, 0)
	de := make([]float32, l.Vocab*l.Dim)
	losses, pred := make([]float32, l.Rows), make([]int32, l.Rows)
	targets := randomTargets(r, l.Rows, l.Vocab, every)
	labelled := 0
	b.ReportAllocs()
	for b.Loop() {
		_, labelled = l.ForwardBackward(losses, pred, dx, de, x, e.Data, targets, 1, false)
	}
	b.ReportMetric(6*float64(labelled)*float64(l.Dim)*float64(l.Vocab)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// TestLogitStride: rows of logits start on cache lines, hold a row, and never lie a multiple
// of half a clash apart.
func TestLogitStride(t *testing.T) {
	for vocab := 1; vocab < 6*clash; vocab++ {
		l := LinearCrossEntropy{Vocab: vocab}
		if s := l.logitStride(); s < vocab || s > vocab+31 || s%line != 0 || s%(clash/2) == 0 {
			t.Fatalf("a row of %d logits has a stride of %d", vocab, s)
		}
	}
}
