package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// lineUp is the part of data that starts with a cache line.
func lineUp(data []float32) []float32 {
	at := int(uintptr(unsafe.Pointer(&data[0]))/4) % line
	return data[(line-at)%line:]
}

func TestResultsPastTheCaches(t *testing.T) {
	defer func(n int) { streamFrom = n }(streamFrom)
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 31))
		for _, s := range []struct{ b, t, d, stride int }{
			{1, 1, 1, 16}, {2, 3, 16, 16}, {3, 7, 40, 48}, {2, 33, 96, 112}, {5, 40, 200, 208},
		} {
			rows := s.b * s.t
			random := func() View { return View{lineUp(randomValues(r, rows*s.stride+line)), s.stride} }
			a, b, w := random(), random(), randomValues(r, 4*s.d)
			table, tokens := randomValues(r, 11*s.d), make([]int32, rows)
			for i := range tokens {
				tokens[i] = r.Int32N(11)
			}
			norm := RMSNorm{Rows: rows, Groups: 1, Dim: s.d, Eps: 1e-6}
			rstd := make([]float32, rows)
			norm.Forward(random(), a, w, rstd)
			static := Conv{B: s.b, T: s.t, D: s.d, W: 4, Kind: ConvStatic}
			heads := Conv{B: s.b, T: s.t, D: s.d, W: 3, Kind: ConvHeadwise, HeadSize: 8}
			gen := Dense(randomValues(r, rows*max(heads.GenCols(), 1)), max(heads.GenCols(), 1))
			dgen, sums := Dense(make([]float32, len(gen.Data)), gen.Stride), make([]float32, 4*s.d)
			kernels := map[string]func(y View){
				"add":                    func(y View) { Add(y, a, b, rows, s.d) },
				"embedding":              func(y View) { EmbeddingForward(y, table, tokens, s.d) },
				"norm":                   func(y View) { norm.Forward(y, a, w, rstd) },
				"norm backward":          func(y View) { norm.Backward(y, sums, b, a, w, rstd, View{}, false) },
				"norm backward, res":     func(y View) { norm.Backward(y, sums, b, a, w, rstd, a, false) },
				"static filter":          func(y View) { static.Forward(y, a, View{}, nil, w) },
				"static filter backward": func(y View) { static.Backward(y, View{}, nil, sums, b, a, View{}, nil, w, false) },
			}
			if s.d%heads.HeadSize == 0 {
				kernels["head-wise filter"] = func(y View) { heads.Forward(y, a, gen, nil, nil) }
				kernels["head-wise filter backward"] = func(y View) { heads.Backward(y, dgen, nil, nil, b, a, gen, nil, nil, false) }
			}
			for name, kernel := range kernels {
				what := fmt.Sprintf("%s %+v", name, s)
				in := random() // what a kernel leaves alone must stay
				var results [2][]float32
				for i, from := range []int{math.MaxInt, 4} {
					streamFrom = from
					y := View{lineUp(make([]float32, len(in.Data)+line))[:len(in.Data)], s.stride}
					copy(y.Data, in.Data)
					if got := y.stream(rows, s.d, a, b); got != i {
						t.Fatalf("%s: stream %d, want %d", what, got, i)
					}
					threadsAgree(t, what, func() { kernel(y) }, y.Data)
					results[i] = y.Data
				}
				sameBits(t, what, results[1], results[0])
			}
		}
	})
}

func TestWhichResultsGoPastTheCaches(t *testing.T) {
	defer func(n int) { streamFrom = n }(streamFrom)
	streamFrom = 4 * 10 * 48
	data := lineUp(make([]float32, 12*64+line))
	for _, c := range []struct {
		what       string
		v          View
		rows, cols int
		in         View
		want       int
	}{
		{"large", View{data, 64}, 10, 64, View{}, 1},
		{"small", View{data, 64}, 9, 48, View{}, 0},
		{"an input", View{data, 64}, 10, 64, View{data, 64}, 0},
		{"beside an input", View{data, 64}, 10, 64, View{data[16:], 64}, 1},
		{"between lines", View{data[1:], 64}, 10, 64, View{}, 0},
		{"rows between lines", View{data, 65}, 10, 64, View{}, 0},
		{"columns from a line on", View{data[16:], 64}, 11, 60, View{}, 1},
	} {
		if got := c.v.stream(c.rows, c.cols, View{}, c.in); got != c.want {
			t.Errorf("%s: stream %d, want %d", c.what, got, c.want)
		}
	}
	groups := RMSNorm{Rows: 10, Groups: 4, Dim: 16}
	if got := groups.stream(View{data, 64}); got != 1 {
		t.Errorf("groups of a line: stream %d", got)
	}
	groups.Groups, groups.Dim = 2, 24 // the second one's vectors start between lines
	if got := groups.stream(View{data, 64}); got != 0 {
		t.Errorf("groups of one line and a half: stream %d", got)
	}
}
