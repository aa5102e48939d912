package rng

import (
	"fmt"
	"math"
	"testing"
)

// TestPinned holds the streams to numbers written down once: data and
// initialisation of published runs depend on them.
func TestPinned(t *testing.T) {
	s := New(1, Label("mqar"), 0, 7)
	got := fmt.Sprintf("%x %d %v", s.Uint64(), s.IntN(1000), s.Float64())
	if want := "5c77298406def606 428 0.691050782326196"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// SplitMix64 from state 0, as its authors' C code prints it.
	s = &Source{}
	for _, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		if got := s.Uint64(); got != want {
			t.Errorf("SplitMix64: got %x, want %x", got, want)
		}
	}
}

func TestStreamsDifferBySeedLabelAndPlace(t *testing.T) {
	seen := map[uint64]string{}
	for name, s := range map[string]*Source{
		"seed 1": New(1), "seed 2": New(2), "1,0": New(1, 0), "1,0,0": New(1, 0, 0),
		"1,1": New(1, 1), "1,0,1": New(1, 0, 1), "1,1,0": New(1, 1, 0), "name": New(1, Label("a")),
	} {
		first := s.Uint64()
		if other, taken := seen[first]; taken {
			t.Errorf("streams %q and %q start alike", name, other)
		}
		seen[first] = name
	}
}

func TestSkipEqualsDraws(t *testing.T) {
	a, b := New(3), New(3)
	for range 5 {
		a.Uint64()
	}
	b.Skip(5)
	if a.Uint64() != b.Uint64() {
		t.Error("Skip(5) is not five draws")
	}
}

// TestUniform counts draws; 5 standard deviations around the expected count.
func TestUniform(t *testing.T) {
	const draws = 100000
	for _, n := range []int{1, 2, 3, 7, 10, 256} {
		s, counts := New(4, uint64(n)), make([]int, n)
		for range draws {
			counts[s.IntN(n)]++
		}
		p := 1 / float64(n)
		mean, sigma := draws*p, math.Sqrt(draws*p*(1-p))
		for v, c := range counts {
			if math.Abs(float64(c)-mean) > 5*sigma {
				t.Errorf("IntN(%d): %d came %d times, expected %.0f ± %.0f", n, v, c, mean, sigma)
			}
		}
	}
	// Two thirds of 2^64: without rejection small results would be twice as likely.
	s, low := New(5), 0
	const n = 1<<63 + 1<<61
	for range draws {
		if s.Uint64N(n) < n/2 {
			low++
		}
	}
	if math.Abs(float64(low)-draws/2) > 5*math.Sqrt(draws/4) {
		t.Errorf("Uint64N: %d of %d draws in the lower half", low, draws)
	}
}

func TestMoments(t *testing.T) {
	const draws = 200000
	s := New(6)
	var sum, square, fourth float64
	for range draws {
		x := s.Norm()
		sum, square, fourth = sum+x, square+x*x, fourth+x*x*x*x
	}
	if m := sum / draws; math.Abs(m) > 5/math.Sqrt(draws) {
		t.Errorf("mean of normals is %v", m)
	}
	if v := square / draws; math.Abs(v-1) > 5*math.Sqrt(2./draws) {
		t.Errorf("variance of normals is %v", v)
	}
	if k := fourth / draws; math.Abs(k-3) > 5*math.Sqrt(96./draws) {
		t.Errorf("fourth moment of normals is %v", k)
	}
	for range 1000 {
		if x := s.Float64(); x < 0 || x >= 1 {
			t.Fatalf("Float64 gave %v", x)
		}
	}
}

func TestPow(t *testing.T) {
	s := New(8)
	for range 20000 {
		x, y := math.Exp(20*(s.Float64()-0.5)), 16*(s.Float64()-0.5)
		want := math.Pow(x, y)
		if got := Pow(x, y); math.Abs(got-want) > 1e-15*(1+math.Abs(y*math.Log(x)))*want*4 {
			t.Fatalf("Pow(%v, %v) = %v, math.Pow gives %v", x, y, got, want)
		}
	}
	if Pow(1, 5) != 1 || Pow(7, 0) != 1 {
		t.Error("Pow(1, y) and Pow(x, 0) must be 1")
	}
	// Bits that every platform must give.
	if got := math.Float64bits(Pow(37, -0.99)); got != 0x3f9cb17b078e3783 {
		t.Errorf("Pow(37, -0.99) has bits %#x", got)
	}
}

func FuzzIntN(f *testing.F) {
	f.Add(uint64(1), 1)
	f.Add(uint64(2), math.MaxInt)
	f.Fuzz(func(t *testing.T, seed uint64, n int) {
		if n <= 0 {
			return
		}
		s := New(seed)
		for range 4 {
			if v := s.IntN(n); v < 0 || v >= n {
				t.Fatalf("IntN(%d) = %d", n, v)
			}
		}
	})
}

func Example() {
	// A stream is named by a seed and labels; the same name gives the same draws.
	a, b := New(1, Label("data"), 42), New(1, Label("data"), 42)
	fmt.Println(a.IntN(1000) == b.IntN(1000))
	// Output: true
}
