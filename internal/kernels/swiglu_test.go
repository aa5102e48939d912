package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// swigluRef gives y = silu(g)*u and its derivatives for dy = 1.
func swigluRef(g, u float64) (y, dg, du float64) {
	s := 1 / (1 + math.Exp(-g))
	return g * s * u, u * s * (1 + g*(1-s)), g * s
}

func TestSwiGLUReferenceGradients(t *testing.T) {
	for _, g := range []float64{-30, -2, -0.1, 0, 0.5, 3, 40} {
		x := []float64{g, 1.7}
		_, dg, du := swigluRef(x[0], x[1])
		checkGradient(t, fmt.Sprint("gate ", g), x, []float64{dg, du}, func() float64 {
			y, _, _ := swigluRef(x[0], x[1])
			return y
		})
	}
}

// testSwiGLU holds both directions to the reference, value by value; with inPlace
// the results take the place of gate and up, which lie side by side.
func testSwiGLU(t *testing.T, r *rand.Rand, rows, d int, spread float32, inPlace bool) {
	t.Helper()
	var first [][]float32
	seed := r.Uint64()
	for _, threads := range threadCounts {
		withThreads(t, threads)
		r := rand.New(rand.NewPCG(seed, 1))
		before, stride := r.IntN(20), 2*d+r.IntN(20)
		x, xWhole := randomMatrix(r, rows, 2*d, stride, before)
		for i := range rows {
			for j := range d {
				x.Row(i, d)[j] *= spread
			}
		}
		dy, _ := randomMatrix(r, rows, d, d+r.IntN(9), r.IntN(20))
		y, yWhole := randomMatrix(r, rows, d, d+r.IntN(9), before)
		dx, dxWhole := randomMatrix(r, rows, 2*d, stride, before)
		in := append([]float32(nil), xWhole[before:]...)
		if inPlace {
			dx, dxWhole = x, xWhole
		}
		SwiGLU(y, x, x.At(0, d), rows, d)
		SwiGLUBackward(dx, dx.At(0, d), dy, x, x.At(0, d), rows, d)
		if first != nil {
			sameBits(t, "y", first[0], yWhole)
			sameBits(t, "dx", first[1], dxWhole)
			continue
		}
		first = [][]float32{yWhole, dxWhole}
		checkGuards(t, "y", yWhole, before, y.Stride, rows, d)
		checkGuards(t, "dx", dxWhole, before, stride, rows, 2*d)
		for i := range rows {
			for j := range d {
				g, up, grad := float64(in[i*stride+j]), float64(in[i*stride+d+j]), float64(dy.Row(i, d)[j])
				wantY, wantG, wantU := swigluRef(g, up)
				// The derivative of silu takes 1-s, which keeps the rounding of 1.
				sum := grad * up / (1 + math.Exp(-g)) * (1 + math.Abs(g))
				check := func(what string, got float32, want, scale float64) {
					if !(math.Abs(float64(got)-want) <= 1e-6*math.Abs(scale)+1e-35) {
						t.Fatalf("%s %d x %d [%d,%d], gate %v, up %v: %v, want %v", what, rows, d, i, j, g, up, got, want)
					}
				}
				check("y", y.Row(i, d)[j], wantY, wantY)
				check("dgate", dx.Row(i, d)[j], grad*wantG, sum)
				check("dup", dx.Row(i, 2*d)[d+j], grad*wantU, grad*wantU)
			}
		}
	}
}

func TestSwiGLU(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(4, 4))
		for _, s := range [][2]int{{1, 1}, {3, 5}, {2, 16}, {7, 33}, {1, 50000}, {300, 131}, {40, 1376}, {65, 15}} {
			testSwiGLU(t, r, s[0], s[1], 2, false)
			testSwiGLU(t, r, s[0], s[1], 30, true)
		}
	})
}

func FuzzSwiGLU(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint16(17), uint8(2), true)
	f.Add(uint64(2), uint8(70), uint16(300), uint8(40), false)
	f.Fuzz(func(t *testing.T, seed uint64, rows uint8, d uint16, spread uint8, inPlace bool) {
		for s := ISAGo; s <= bestISA(); s++ {
			restore := setISA(s)
			testSwiGLU(t, rand.New(rand.NewPCG(seed, 0)), 1+int(rows%100), 1+int(d%500), float32(spread%60), inPlace)
			restore()
		}
	})
}

func BenchmarkSwiGLU(b *testing.B) {
	for _, s := range [][2]int{{2048, 1376}, {16384, 352}} {
		for _, backward := range []bool{false, true} {
			for _, threads := range []int{1, 2} {
				name := map[bool]string{false: "forward", true: "backward"}[backward]
				b.Run(fmt.Sprintf("%s/%dx%d/threads=%d", name, s[0], s[1], threads), func(b *testing.B) {
					benchmarkSwiGLU(b, s[0], s[1], backward, threads)
				})
			}
		}
	}
}

// benchmarkSwiGLU works on more memory than the caches hold and counts each
// matrix read or written once, as triad does.
func benchmarkSwiGLU(b *testing.B, rows, d int, backward bool, threads int) {
	withThreads(b, threads)
	r := rand.New(rand.NewPCG(1, 1))
	sets := 1 + 64<<20/(rows*d*4) // beyond the last cache
	x, _ := randomMatrix(r, sets*rows, 2*d, 2*d, 0)
	y, _ := randomMatrix(r, sets*rows, d, d, 0)
	b.ReportAllocs()
	i, streams := 0, 3.0
	if backward {
		streams = 5
	}
	for b.Loop() {
		x, y := x.At(i%sets*rows, 0), y.At(i%sets*rows, 0)
		if backward {
			SwiGLUBackward(x, x.At(0, d), y, x, x.At(0, d), rows, d)
		} else {
			SwiGLU(y, x, x.At(0, d), rows, d)
		}
		i++
	}
	b.ReportMetric(streams*4*float64(rows)*float64(d)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
}

// BenchmarkTriad is the bandwidth that memory-bound kernels are held to:
// a[i] = b[i] + 3*c[i] on vectors beyond the last cache.
func BenchmarkTriad(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			withThreads(b, threads)
			const n = 24 << 20
			x, y, z := Aligned(n), Aligned(n), Aligned(n)
			task := func(i int) {
				const step = 16 << 10
				x, y, z := x[i*step:][:step], y[i*step:][:step], z[i*step:][:step]
				for j := range x {
					x[j] = y[j] + 3*z[j]
				}
			}
			for b.Loop() {
				For(n/(16<<10), task)
			}
			b.ReportMetric(12*float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GB/s")
		})
	}
}
