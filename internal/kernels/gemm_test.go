package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// guard marks memory that no kernel may write.
const guard = float32(-12345.5)

// randomMatrix is a rows x cols view with the given stride inside a buffer of
// guards; before says how many guards precede it.
func randomMatrix(r *rand.Rand, rows, cols, stride, before int) (v View, whole []float32) {
	whole = make([]float32, before+rows*stride+7)
	for i := range whole {
		whole[i] = guard
	}
	v = View{Data: whole[before : before+max(0, (rows-1)*stride+cols)], Stride: stride}
	for i := range rows {
		row := v.Row(i, cols)
		for j := range row {
			row[j] = float32(r.NormFloat64())
		}
	}
	return v, whole
}

// stored gives the shape in which the factors are stored.
func stored(l Layout, m, n, k int) (aRows, aCols, bRows, bCols int) {
	aRows, aCols, bRows, bCols = m, k, k, n
	if l == TN {
		aRows, aCols = k, m
	}
	if l == NT {
		bRows, bCols = n, k
	}
	return
}

// checkProduct compares c with (acc ? c0 : 0) + A·B summed in float64. The error
// may be that of a float32 sum of k terms in any order.
func checkProduct(t *testing.T, l Layout, m, n, k int, a, b, c View, c0 []float32, acc bool) {
	t.Helper()
	for i := range m {
		for j := range n {
			var sum, scale float64
			if acc {
				sum = float64(c0[i*n+j])
				scale = math.Abs(sum)
			}
			for p := range k {
				ai, bi := i*a.Stride+p, p*b.Stride+j
				if l == TN {
					ai = p*a.Stride + i
				}
				if l == NT {
					bi = j*b.Stride + p
				}
				term := float64(a.Data[ai]) * float64(b.Data[bi])
				sum += term
				scale += math.Abs(term)
			}
			got := float64(c.Data[i*c.Stride+j])
			if bound := 1e-7 * math.Sqrt(float64(k+4)) * 2 * scale; !(math.Abs(got-sum) <= bound) {
				t.Fatalf("%v %dx%dx%d acc %v: c[%d,%d] = %v, want %v within %v", l, m, n, k, acc, i, j, got, sum, bound)
			}
		}
	}
}

// testProduct runs one product with random strides and offsets and checks the
// values, the guards around C, and that the bits are the same for any threads.
func testProduct(t *testing.T, r *rand.Rand, l Layout, m, n, k int, acc bool) {
	t.Helper()
	testStrided(t, r, l, m, n, k, acc, func(cols int) int { return cols + r.IntN(9) })
}

// testStrided is testProduct with strides that depend on the columns.
func testStrided(t *testing.T, r *rand.Rand, l Layout, m, n, k int, acc bool, stride func(cols int) int) {
	t.Helper()
	aRows, aCols, bRows, bCols := stored(l, m, n, k)
	a, _ := randomMatrix(r, aRows, aCols, stride(aCols), r.IntN(20))
	b, _ := randomMatrix(r, bRows, bCols, stride(bCols), r.IntN(20))
	before := r.IntN(20)
	c, whole := randomMatrix(r, m, n, stride(n), before)
	c0 := make([]float32, m*n)
	for i := range m {
		copy(c0[i*n:], c.Row(i, n))
	}
	initial := append([]float32(nil), whole...)
	var first []float32
	for _, threads := range []int{1, 2, 3, 5} {
		withThreads(t, threads)
		copy(whole, initial)
		Gemm(l, m, n, k, a, b, c, acc)
		if first == nil {
			first = append(first, whole...)
			checkProduct(t, l, m, n, k, a, b, c, c0, acc)
			for i, x := range whole {
				row, col := (i-before)/c.Stride, (i-before)%c.Stride
				inside := i >= before && row < m && col < n
				if !inside && x != guard {
					t.Fatalf("%v %dx%dx%d: wrote outside of C at row %d column %d", l, m, n, k, row, col)
				}
			}
			continue
		}
		for i := range whole {
			if math.Float32bits(whole[i]) != math.Float32bits(first[i]) {
				t.Fatalf("%v %dx%dx%d: %d threads give other bits than 1", l, m, n, k, threads)
			}
		}
	}
}

func TestGemmRandomShapes(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, l := range []Layout{NN, NT, TN} {
			for range 60 {
				testProduct(t, r, l, 1+r.IntN(70), 1+r.IntN(70), r.IntN(71), r.IntN(2) == 0)
			}
		}
	})
}

func TestGemmBlockEdges(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		shapes := [][3]int{
			{1, 1, 1}, {14, 32, 512}, {15, 33, 513}, {13, 31, 511}, {28, 16, 1025}, {6, 17, 1024},
			{200, 160, 40}, {199, 290, 33}, {100, 48, 700}, {1, 300, 300}, {300, 1, 300}, {3, 5, 4100},
			{30, 20, 6000}, {64, 64, 4096}, {4, 70, 513}, {5, 70, 513}, {2, 9000, 40},
		}
		for _, s := range shapes {
			for _, l := range []Layout{NN, NT, TN} {
				testProduct(t, r, l, s[0], s[1], s[2], r.IntN(2) == 0)
			}
		}
	})
}

// wholeLines rounds columns up to whole cache lines, at which B is read where it lies; clashing
// to where rows share places of the cache, and are copied.
func wholeLines(cols int) int { return (cols + 15) / 16 * 16 }
func clashing(cols int) int   { return (cols + clash - 1) / clash * clash }

// TestGemmPlacement: factors that are read where they lie and such that are copied, for few
// rows, which are cut by columns, and many, which are not; the last three shapes copy A, the last
// but one packs B in the tasks that read it.
func TestGemmPlacement(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		shapes := [][3]int{{90, 45, 33}, {85, 300, 20}, {101, 130, 520}, {170, 48, 17}, {400, 33, 9}, {700, 129, 5}, {127, 1, 40}, {150, 400, 520}, {90, 520, 520}, {600, 520, 520}}
		for _, stride := range []func(int) int{wholeLines, clashing} {
			for _, s := range shapes {
				for _, l := range []Layout{NN, NT, TN} {
					testStrided(t, r, l, s[0], s[1], s[2], r.IntN(2) == 0, stride)
				}
			}
		}
	})
}

// TestGemmPlan: what a plan decides is what TestGemmPlacement is about, and chunks and
// splits, which decide the bits, are the same for any number of threads.
func TestGemmPlan(t *testing.T) {
	plan := func(l Layout, m, n, k, as, bs, threads int) *product {
		withThreads(t, threads)
		aRows, _, bRows, _ := stored(l, m, n, k)
		g := newProduct(l, m, View{Data: make([]float32, aRows*as), Stride: as}, false)
		g.b = append(g.b, View{Data: make([]float32, bRows*bs), Stride: bs})
		g.columns(Dense(make([]float32, m*n), n), n)
		g.depth(0, k)
		g.plan()
		return g
	}
	if isa != ISAGo {
		for _, c := range []struct {
			l       Layout
			m, n, k int
			as, bs  int
			direct  bool // B is read where it lies
			late    bool // B is packed by the tasks that read it
		}{
			{NN, 200, 272, 64, 64, 272, true, false},
			{NN, 200, 272, 64, 64, 273, false, true},
			{NN, 200, 512, 64, 64, 512, false, true},
			{NN, 1400, 512, 64, 64, 512, false, false},
			{TN, 200, 272, 64, 208, 272, true, false},
			{TN, 512, 1376, 2048, 528, 1376, false, true},
			{TN, 1376, 512, 2048, 1376, 528, false, false},
			{TN, 512, 496, 2048, 528, 1376, false, false},
			{NT, 200, 272, 64, 64, 64, false, true},
			{NT, 64, 64, 64, 64, 64, false, true},
			{NT, 2048, 512, 512, 528, 512, false, false},
		} {
			if g := plan(c.l, c.m, c.n, c.k, c.as, c.bs, 2); g.directB != c.direct || g.packLate != c.late {
				t.Errorf("%+v: B where it lies %v, packed late %v", c, g.directB, g.packLate)
			}
		}
	}
	for _, s := range [][3]int{{40, 3000, 64}, {1000, 48, 64}, {64, 176, 16384}, {512, 512, 2048}, {700, 1100, 2048}, {5, 5, 5}} {
		for _, l := range []Layout{NN, NT, TN} {
			_, aCols, _, bCols := stored(l, s[0], s[1], s[2])
			one := plan(l, s[0], s[1], s[2], aCols, bCols, 1)
			for _, threads := range []int{2, 3, 64} {
				g := plan(l, s[0], s[1], s[2], aCols, bCols, threads)
				if g.splits != one.splits || !slices.Equal(g.chunks, one.chunks) {
					t.Errorf("%v %v: %d threads: %d splits and chunks %v, one: %d and %v", l, s, threads, g.splits, g.chunks, one.splits, one.chunks)
				}
				g.stage = stage{j1: len(g.panels), width: g.width}
				cells := map[[2]int]int{} // row panels and panels, and how many blocks hold them
				for _, b := range g.blocks {
					for tile, to := g.tilesOf(b); tile < to; tile++ {
						cells[[2]int{b.i0 + tile%(b.i1-b.i0), tile / (b.i1 - b.i0)}]++
					}
				}
				for cell, n := range cells {
					if n != 1 || cell[0] >= g.rowPanels || len(cells) != g.rowPanels*len(g.panels) {
						t.Fatalf("%v %v: %d threads: blocks %v of %d row panels and %d panels: %d hold %v", l, s, threads, g.blocks, g.rowPanels, len(g.panels), n, cell)
					}
				}
			}
		}
	}
}

// TestGemmPlanWhileThreadsChange: another goroutine may set the threads, and the system may
// change what it gives the program, between any two steps of a plan.
func TestGemmPlanWhileThreadsChange(t *testing.T) {
	withThreads(t, 1)
	m, n, k := 100, 2*lateColumns, 600
	a, b, c := Dense(make([]float32, k*m), m), Dense(make([]float32, k*n), n), Dense(make([]float32, m*n), n)
	var stop atomic.Bool
	var done sync.WaitGroup
	done.Go(func() {
		for !stop.Load() {
			SetThreads(1)
			SetThreads(12)
		}
	})
	for range 1_000_000 {
		g := newProduct(TN, m, a, false)
		g.b = append(g.b, b)
		g.columns(c, n)
		g.depth(0, k)
		if g.plan(); len(g.blocks) == 0 {
			t.Error("a plan without a task")
			break
		}
		g.release()
	}
	stop.Store(true)
	done.Wait()
}

func FuzzGemm(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint8(0), uint16(5), uint16(7), uint16(9), true)
	f.Add(uint64(2), uint8(1), uint8(0), uint16(33), uint16(65), uint16(100), false)
	f.Add(uint64(3), uint8(2), uint8(0), uint16(64), uint16(30), uint16(1500), true)
	f.Add(uint64(4), uint8(2), uint8(1), uint16(149), uint16(130), uint16(40), false)
	f.Add(uint64(5), uint8(0), uint8(2), uint16(100), uint16(140), uint16(50), true)
	f.Fuzz(func(t *testing.T, seed uint64, layout, strides uint8, m, n, k uint16, acc bool) {
		l, rows, cols, depth := Layout(layout%3), 1+int(m%150), 1+int(n%150), int(k%2500)
		for s := ISAGo; s <= bestISA(); s++ {
			restore := setISA(s)
			r := rand.New(rand.NewPCG(seed, 0))
			stride := []func(int) int{func(cols int) int { return cols + r.IntN(9) }, wholeLines, clashing}[strides%3]
			testStrided(t, r, l, rows, cols, depth, acc, stride)
			restore()
		}
	})
}

var gemmShapes = [][3]int{ // M, N, K
	{2048, 1376, 512}, {2048, 768, 768}, {2048, 3072, 768}, {2048, 768, 3072}, {2048, 8192, 512},
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range gemmShapes {
		for _, l := range []Layout{NN, NT, TN} {
			for _, threads := range []int{1, 2} {
				m, n, k := s[0], s[1], s[2]
				b.Run(fmt.Sprintf("%v/%dx%dx%d/threads=%d", l, m, n, k, threads), func(b *testing.B) {
					benchmarkGemm(b, l, m, n, k, threads)
				})
			}
		}
	}
}

func benchmarkGemm(b *testing.B, l Layout, m, n, k, threads int) {
	withThreads(b, threads)
	aRows, aCols, bRows, bCols := stored(l, m, n, k)
	r := rand.New(rand.NewPCG(1, 1))
	x, _ := randomMatrix(r, aRows, aCols, aCols, 0)
	y, _ := randomMatrix(r, bRows, bCols, bCols, 0)
	c := Dense(make([]float32, m*n), n)
	b.ReportAllocs()
	for b.Loop() {
		Gemm(l, m, n, k, x, y, c, false)
	}
	b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
