package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGemmParts holds joint products against one Gemm a part: GemmConcat to the bit
// where none divides k, GemmSum to the rounding of another order of the sum.
func TestGemmParts(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, shape := range []struct {
			m, k  int
			parts []int
		}{{1, 1, []int{1}}, {7, 5, []int{3, 1, 20}}, {33, 64, []int{64, 64, 64, 16, 16, 16}}, {130, 700, []int{48, 0, 33}}, {2, 1030, []int{5, 7}}} {
			total := 0
			for _, n := range shape.parts {
				total += n
			}
			name := fmt.Sprint(shape)
			for _, l := range []Layout{NN, TN} {
				aRows, aCols, _, _ := stored(l, shape.m, 1, shape.k)
				a, _ := randomMatrix(r, aRows, aCols, aCols+3, 1)
				for _, acc := range []bool{false, true} {
					got, gotAll := randomMatrix(r, shape.m, total, total+2, 5)
					wantAll := slices.Clone(gotAll)
					want := View{wantAll[5 : 5+len(got.Data)], got.Stride}
					var parts []Part
					at := 0
					for _, n := range shape.parts {
						b, _ := randomMatrix(r, shape.k, n, n+1, 2)
						parts = append(parts, Part{B: b, C: View{got.Data[min(at, len(got.Data)):], got.Stride}, N: n})
						Gemm(l, shape.m, n, shape.k, a, b, View{want.Data[min(at, len(want.Data)):], want.Stride}, acc)
						at += n
					}
					GemmConcat(l, shape.m, shape.k, a, parts, acc)
					if l == NN && !slices.Equal(gotAll, wantAll) {
						t.Errorf("%s %s acc %v: other bits than one product a part", name, l, acc)
					}
					if e := largestDifference(gotAll, wantAll); e > 1e-6*float64(shape.k) {
						t.Errorf("%s %s acc %v: off by %g", name, l, acc, e)
					}
				}
			}
			a, _ := randomMatrix(r, shape.m, total, total+1, 3)
			got, gotAll := randomMatrix(r, shape.m, shape.k, shape.k+1, 4)
			wantAll := slices.Clone(gotAll)
			want := View{wantAll[4 : 4+len(got.Data)], got.Stride}
			var parts []Part
			at := 0
			for i, n := range shape.parts {
				b, _ := randomMatrix(r, shape.k, n, n+2, 0)
				parts = append(parts, Part{B: b, N: n})
				Gemm(NT, shape.m, shape.k, n, View{a.Data[min(at, len(a.Data)):], a.Stride}, b, want, i > 0)
				at += n
			}
			GemmSum(shape.m, shape.k, a, parts, got)
			if e := largestDifference(gotAll, wantAll); e > 1e-6*float64(total) {
				t.Errorf("%s sum: off by %g", name, e)
			}
		}
	})
}

// largestDifference is the greatest distance between two elements of the same place.
func largestDifference(got, want []float32) float64 {
	var d float64
	for i := range want {
		d = max(d, math.Abs(float64(got[i])-float64(want[i])))
	}
	return d
}
