package stats

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dsconv/internal/rng"
)

func TestQuantile(t *testing.T) {
	xs := []float64{4, 1, 3, 2}
	for _, c := range []struct{ q, want float64 }{{0, 1}, {0.5, 2.5}, {1, 4}, {0.25, 1.75}} {
		if got := Quantile(xs, c.q); got != c.want {
			t.Errorf("Quantile(%v) = %v, want %v", c.q, got, c.want)
		}
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("the median of nothing must be NaN")
	}
	if xs[0] != 4 {
		t.Error("Quantile sorted its argument")
	}
}

func TestExactChances(t *testing.T) {
	for _, c := range []struct {
		name          string
		x, y          []float64
		greater, less float64
		words         string
	}{
		{"five of five", []float64{2, 2, 3, 4, 5}, []float64{1, 1, 1, 1, 1}, 1. / 32, 1, "higher"},
		{"five of five down", []float64{1, 1, 1, 1, 1}, []float64{2, 2, 3, 4, 5}, 1, 1. / 32, "lower"},
		{"three apart", []float64{4, 5, 6}, []float64{1, 2, 3}, 1. / 20, 1, "higher"},
		{"three that overlap", []float64{4, 5, 2.5}, []float64{1, 2, 3}, 2. / 20, 19. / 20, "within noise"},
		{"equal", []float64{1, 1, 1}, []float64{1, 1, 1}, 1, 1, "equal on every seed"},
		{"one pair", []float64{2}, []float64{1}, 1. / 2, 1, "one seed"},
		{"none", nil, nil, 1, 1, "no seed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Compare(c.x, c.y)
			if math.Abs(got.Greater-c.greater) > 1e-12 || math.Abs(got.Less-c.less) > 1e-12 {
				t.Errorf("chances %v and %v, want %v and %v", got.Greater, got.Less, c.greater, c.less)
			}
			if !strings.HasPrefix(got.Words(), c.words) {
				t.Errorf("words %q, want %q", got.Words(), c.words)
			}
		})
	}
}

// The interval of normal differences holds their mean as often as it says, and the
// exact tests raise a false alarm no more often than they say.
func TestRates(t *testing.T) {
	for _, n := range []int{3, 5, 8} {
		const trials = 2000
		r := rng.New(7, uint64(n))
		held, alarms := 0, 0
		for range trials {
			x, y := make([]float64, n), make([]float64, n)
			for i := range x {
				seed := r.Norm()
				x[i], y[i] = seed+r.Norm(), seed+r.Norm()
			}
			c := Compare(x, y)
			if c.Low <= 0 && 0 <= c.High {
				held++
			}
			if c.IsGreater() {
				alarms++
			}
		}
		// Three standard errors of a share of 2000.
		if rate := float64(held) / trials; math.Abs(rate-0.95) > 0.015 {
			t.Errorf("n=%d: the interval holds the truth in %.3f of cases, want 0.95", n, rate)
		}
		if rate := float64(alarms) / trials; rate > 0.065 {
			t.Errorf("n=%d: false alarms in %.3f of cases, want at most 0.05", n, rate)
		}
	}
}

// Outcomes that tie are as far out as what was seen, however their sums are rounded.
func TestTiesAreCounted(t *testing.T) {
	if greater, less := signFlips([]float64{0.1, 0.2, -0.3, 0.4, -0.4}); greater != less || greater <= 0.5 {
		t.Errorf("differences without a mean: %v and %v", greater, less)
	}
	if greater, less := relabel([]float64{0.3, 0.1, 0.2}, []float64{0.1, 0.2, 0.3}); greater != less || greater <= 0.5 {
		t.Errorf("the same outcomes twice: %v and %v", greater, less)
	}
}

// The values of tables of Student's and the normal distribution.
func TestQuantilesOfTables(t *testing.T) {
	for _, c := range []struct{ got, want float64 }{{TQuantile(1), 12.706}, {TQuantile(4), 2.776}, {TQuantile(30), 2.042}, {ZQuantile(), 1.960}} {
		if math.Abs(c.got-c.want) > 5e-4 {
			t.Errorf("%.4f, want %.3f", c.got, c.want)
		}
	}
}

func TestShareCountsTheFloor(t *testing.T) {
	if got := Share([]float64{0.98, 0.99, 1, 0.5}, 0.99); got != 0.5 {
		t.Errorf("a share of %v, want half", got)
	}
}

func TestMoreSeeds(t *testing.T) {
	few := Compare([]float64{1.0, 1.4, 0.9, 1.3, 0.8}, []float64{1, 1, 1, 1, 1})
	if few.IsGreater() || few.IsLess() || few.More < 1 {
		t.Fatalf("%+v: want an unsettled comparison that more seeds settle", few)
	}
	low, high := interval(few.Mean, few.Std, few.N+few.More)
	if low <= 0 && high >= 0 {
		t.Errorf("%d more seeds leave the interval at %v..%v", few.More, low, high)
	}
	// However narrow the interval is, outcomes that overlap need as many as sign flips do.
	if steady := Compare([]float64{1.1, 2.1, 3.11}, []float64{1, 2, 3}); steady.IsGreater() || steady.IsLess() || steady.N+steady.More != MinPairs {
		t.Errorf("%+v: want an end at %d pairs", steady, MinPairs)
	}
}

// Where no draw is as far out as what was seen, that itself is one: no chance is 0.
func TestManyPairsAreDrawn(t *testing.T) {
	d := make([]float64, 40)
	for i := range d {
		d[i] = 1
	}
	greater, less := signFlips(d)
	if greater != 1./(draws+1) || less != 1 {
		t.Errorf("forty of one sign: %v and %v", greater, less)
	}
	if again, _ := signFlips(d); again != greater {
		t.Error("the draws are not repeatable")
	}
}

func ExampleCompare() {
	dynamic := []float64{3.10, 3.12, 3.09, 3.11, 3.10}
	base := []float64{3.20, 3.19, 3.21, 3.18, 3.22}
	c := Compare(dynamic, base)
	fmt.Printf("%+.3f (%+.3f to %+.3f), n=%d: %s\n", c.Mean, c.Low, c.High, c.N, c.Words())
	// Output: -0.096 (-0.127 to -0.065), n=5: lower
}

// Each difference has a coin of its own, also beyond the 64 of one word.
func TestManyPairsHaveCoinsOfTheirOwn(t *testing.T) {
	d := make([]float64, 128)
	for i := range d {
		d[i] = 1
		if i >= 64 {
			d[i] = -0.7
		}
	}
	// The sum of flipped differences is nearly normal, of variance 64 + 64 x 0.49; 19.2 was seen.
	want := 0.5 * math.Erfc(19.2/math.Sqrt(2*64*1.49))
	if p, _ := signFlips(d); math.Abs(p-want) > 0.003 {
		t.Errorf("p=%v, want about %v", p, want)
	}
}
