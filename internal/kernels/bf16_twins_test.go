package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// twinSizes are around whole vectors, whole unrolled loops and whole tasks.
var twinSizes = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 129, 1000, taskElements, taskElements + 21}

// oddValues are those whose rounding is not the plain case.
var oddValues = []float32{
	0, float32(math.Copysign(0, -1)), math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -1e-40,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0x7f800001), math.Float32frombits(0xff80ffff), math.Float32frombits(0x7f7f0000),
}

// mixed is n normal values, some of them replaced by odd ones.
func mixed(r *rand.Rand, n int) []float32 {
	f := randomValues(r, n)
	for i := range f {
		if r.IntN(5) == 0 {
			f[i] = oddValues[r.IntN(len(oddValues))]
		}
	}
	return f
}

const guard16 = 0x5a5a

// guarded16 is a copy of x, from an odd place on, between guards.
func guarded16(x []uint16) (inside, whole []uint16) {
	whole = make([]uint16, len(x)+64)
	for i := range whole {
		whole[i] = guard16
	}
	inside = whole[33 : 33+len(x) : 33+len(x)]
	copy(inside, x)
	return inside, whole
}

func intact16(t *testing.T, what string, whole []uint16) {
	t.Helper()
	for i, x := range whole {
		if (i < 33 || i >= len(whole)-31) && x != guard16 {
			t.Fatalf("%s: wrote outside of its values at %d", what, i-33)
		}
	}
}

func narrowed(x []float32) []uint16 {
	out := make([]uint16, len(x))
	for i, v := range x {
		out[i] = roundBF16(v, 0)
	}
	return out
}

func widened(x []uint16) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = math.Float32frombits(uint32(v) << 16)
	}
	return out
}

// sameBF16 takes any NaN for any other: which of two NaNs a sum hands on is the
// processor's business.
func sameBF16(a, b uint16) bool {
	nan := func(x uint16) bool { return x&0x7f80 == 0x7f80 && x&0x7f != 0 }
	return a == b || nan(a) && nan(b)
}

// checkStore holds storeBF16 to its formula, value by value.
func checkStore(t *testing.T, what string, dst []uint16, src []float32, acc bool, seed uint64, first int) {
	t.Helper()
	got, whole := guarded16(dst)
	d := drawsOf(seed)
	storeBF16(got, src, acc, d, first)
	intact16(t, what, whole)
	for i, x := range src {
		if acc {
			x += math.Float32frombits(uint32(dst[i]) << 16)
		}
		if want := roundBF16(x, d.word(first+i)>>16); !sameBF16(got[i], want) {
			t.Fatalf("%s: value %d of %d: %#x plus %v became %#x, want %#x", what, i, len(src), dst[i], src[i], got[i], want)
		}
	}
}

func TestStoreBF16Twins(t *testing.T) {
	wraps := uint64(1<<32 - 5) // draws are numbered in 32 bits; so may be an int
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 16))
		for _, n := range twinSizes {
			for _, acc := range []bool{false, true} {
				for _, first := range []int{0, 16 * taskElements, int(wraps)} {
					src := append([]float32{guard}, mixed(r, n)...)[1:] // off the alignment of vectors
					checkStore(t, fmt.Sprintf("n %d acc %v first %d", n, acc, first), narrowed(mixed(r, n)), src, acc, r.Uint64(), first)
				}
			}
		}
	})
}

// FuzzStoreBF16 takes pairs of a float32 and a bfloat16 to add it to.
func FuzzStoreBF16(f *testing.F) {
	seed := make([]byte, 6*37)
	for i := range seed {
		seed[i] = byte(i * 59)
	}
	f.Add(seed, uint64(1), uint32(0), true)
	f.Add(seed[:6*16], uint64(0), uint32(1<<31), false)
	f.Add([]byte{0, 0, 0x80, 0x7f, 0x80, 0xff}, uint64(3), uint32(9), true) // inf - inf
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, first uint32, acc bool) {
		n := len(data) / 6
		src, dst := make([]float32, n), make([]uint16, n)
		for i := range n {
			src[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[6*i:]))
			dst[i] = binary.LittleEndian.Uint16(data[6*i+4:])
		}
		for s := ISAGo; s <= bestISA(); s++ {
			func() {
				defer setISA(s)()
				checkStore(t, s.String(), dst, src, acc, seed, int(first))
			}()
		}
	})
}

// TestLoadBF16 widens every number there is, and rows of every odd length.
func TestLoadBF16(t *testing.T) {
	every := make([]uint16, 1<<16)
	for i := range every {
		every[i] = uint16(i)
	}
	everyISA(t, func(t *testing.T) {
		for _, n := range append(twinSizes, len(every)) {
			src := every[len(every)-n:]
			dst := make([]float32, n+2)
			dst[0], dst[n+1] = guard, guard
			LoadBF16(dst[1:n+1], src)
			for i, x := range src {
				if got := math.Float32bits(dst[i+1]); got != uint32(x)<<16 {
					t.Fatalf("n %d: %#x became %#x", n, x, got)
				}
			}
			if dst[0] != guard || dst[n+1] != guard {
				t.Fatalf("n %d: wrote outside", n)
			}
		}
	})
}

// TestSumSquaresOfBF16: the bits of SumSquares on the widened values.
func TestSumSquaresOfBF16(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(2, 16))
		for _, n := range append(twinSizes, 3*taskElements+64, 3*taskElements+65) {
			x := narrowed(randomValues(r, n))
			if got, want := (Narrow{BF16: x}).SumSquares(), SumSquares(widened(x)); got != want {
				t.Errorf("n %d: %v, widened %v", n, got, want)
			}
		}
	})
}

// TestUpdateNarrowTwins holds every mixture of formats to its formula: widen, Update,
// round. Weights, float32 moments and rounded ones must have the same bits.
func TestUpdateNarrowTwins(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 16))
		a := AdamW{LR: 1e-2, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, Scale: 0.3, Step: 7}
		for _, n := range twinSizes {
			for formats := range 16 {
				what := fmt.Sprintf("n %d formats %04b", n, formats)
				narrow := func(bit int) bool { return formats>>bit&1 == 1 }
				seed := r.Uint64()
				d := drawsOf(seed)
				second := randomValues(r, n)
				for i, x := range second { // second moments are not negative
					second[i] = x * x
				}
				if narrow(3) && n > 0 { // a gradient that is not finite reaches the moments
					second[n/2] = float32(math.Inf(1))
				}
				first := [3][]float32{randomValues(r, n), randomValues(r, n), second}
				w := append(randomValues(r, n), guard)
				var stored [3]Narrow
				var wide [3][]float32
				var wholes [][]uint16
				for i, x := range first {
					if narrow(i) {
						inside, whole := guarded16(narrowed(x))
						stored[i], wholes, wide[i] = Narrow{BF16: inside}, append(wholes, whole), widened(inside)
					} else {
						stored[i], wide[i] = Narrow{F32: append(slices.Clone(x), guard)[:n]}, slices.Clone(x)
					}
				}
				w2 := slices.Clone(w)
				a.UpdateNarrow(w[:n], stored[0], stored[1], stored[2], seed)
				a.Update(w2[:n], wide[0], wide[1], wide[2])
				if !slices.Equal(w, w2) {
					t.Fatalf("%s: other weights", what)
				}
				for i, s := range stored[1:] {
					for j, x := range wide[i+1] {
						if s.BF16 == nil {
							if s.F32[j] != x {
								t.Fatalf("%s: moment %d is %v, want %v", what, i+1, s.F32[j], x)
							}
							continue
						}
						draw := d.word(j)
						if draw &= 0xffff; i == 1 {
							draw = d.word(j) >> 16
						}
						if want := roundBF16(x, draw); s.BF16[j] != want {
							t.Fatalf("%s: moment %d at %d is %#x, want %#x", what, i+1, j, s.BF16[j], want)
						}
					}
				}
				for _, s := range stored {
					if s.BF16 == nil && s.F32[:n+1][n] != guard {
						t.Fatalf("%s: wrote outside", what)
					}
				}
				for _, whole := range wholes {
					intact16(t, what, whole)
				}
			}
		}
	})
}

// TestDraws: halves of words are uniform, and neither neighbours, the two halves, nor
// streams whose seeds are near or far depend on each other.
func TestDraws(t *testing.T) {
	const n = 1 << 18
	half := func(word uint32, upper int) float64 { return float64(word>>(16*upper)&0xffff)/65536 - 0.5 }
	a := drawsOf(5)
	pairs := map[string]func(i int) (x, y float64){
		"halves":              func(i int) (float64, float64) { return half(a.word(i), 0), half(a.word(i), 1) },
		"neighbours":          func(i int) (float64, float64) { return half(a.word(i), 1), half(a.word(i+1), 1) },
		"lower of neighbours": func(i int) (float64, float64) { return half(a.word(i), 0), half(a.word(i+1), 0) },
		"rows of 1,024":       func(i int) (float64, float64) { return half(a.word(i), 1), half(a.word(i+1024), 1) },
	}
	for _, other := range []uint64{4, 6, 5 + 1<<40, 5 + 1<<63} {
		b := drawsOf(other)
		pairs[fmt.Sprint("streams 5 and ", other)] = func(i int) (float64, float64) { return half(a.word(i), 1), half(b.word(i), 1) }
	}
	// Variances of a uniform draw, and 5 standard errors of a mean of n.
	const variance = 1.0 / 12
	within := 5 / math.Sqrt(n)
	for what, pair := range pairs {
		var sx, sxx, sxy float64
		for i := range n {
			x, y := pair(i)
			sx, sxx, sxy = sx+x, sxx+x*x, sxy+x*y
		}
		if mean := sx / n; math.Abs(mean) > within*math.Sqrt(variance) {
			t.Errorf("%s: mean %v", what, mean)
		}
		if v := sxx / n; math.Abs(v/variance-1) > within {
			t.Errorf("%s: variance %v, want %v", what, v, variance)
		}
		if c := sxy / n / variance; math.Abs(c) > within {
			t.Errorf("%s: correlation %v", what, c)
		}
	}
}

// TestDrawsStay: a run that is resumed with another version must see the same draws.
func TestDrawsStay(t *testing.T) {
	var got []uint32
	far := uint32(1 << 31)
	for _, seed := range []uint64{0, 1, 1 << 63} {
		got = append(got, drawsOf(seed).word(0), drawsOf(seed).word(1), drawsOf(seed).word(int(far)))
	}
	want := []uint32{0xab3c6f47, 0xf453b02, 0x2dfa1e56, 0xe26312f7, 0xa93628d3, 0xd4b71734, 0x9b24801d, 0x26cb0c7f, 0xd40e6f02}
	if !slices.Equal(got, want) {
		t.Errorf("draws %#v, want %#v", got, want)
	}
}

// TestAVX2HasSixteenRegisters: the generator may hand out registers that only AVX-512
// has, which this machine would not mind.
func TestAVX2HasSixteenRegisters(t *testing.T) {
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly: %v", err)
	}
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K\d)\b`)
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		functions := strings.Split(string(text), "\nTEXT ·")
		for _, f := range functions[1:] {
			name, body, _ := strings.Cut(f, "(SB)")
			if !strings.HasSuffix(name, "AVX2") {
				continue
			}
			seen++
			body, _, _ = strings.Cut(body, "\n// func ")
			if r := beyond.FindString(body); r != "" {
				t.Errorf("%s: %s uses %s", file, name, r)
			}
		}
	}
	if seen == 0 {
		t.Error("no function for AVX2")
	}
}
