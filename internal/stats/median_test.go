package stats

import (
	"math"
	"testing"

	"dsconv/internal/rng"
)

// The ranks are those of tables of the sign test (Conover, table A3).
func TestMedianInterval(t *testing.T) {
	for _, c := range []struct{ n, low, high int }{{6, 1, 6}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {15, 4, 12}, {24, 7, 18}, {30, 10, 21}} {
		var xs []float64
		for i := range c.n {
			xs = append(xs, float64(1+(i*7)%c.n)) // the ranks themselves, in disorder where 7 allows it
		}
		if c.n%7 == 0 {
			t.Fatal("the ranks repeat")
		}
		if low, high := MedianInterval(xs); low != Bound(c.low) || high != Bound(c.high) {
			t.Errorf("n=%d: ranks %v to %v, want %d to %d", c.n, low, high, c.low, c.high)
		}
	}
	for n := range 6 {
		if low, high := MedianInterval(make([]float64, n)); low.Finite() || high.Finite() {
			t.Errorf("%d values give %v to %v", n, low, high)
		}
	}
}

// It holds the median of a skewed distribution as often as it says.
func TestMedianIntervalRate(t *testing.T) {
	const trials, n = 4000, 24
	r := rng.New(3, rng.Label("median interval"))
	held := 0
	for range trials {
		xs := make([]float64, n)
		for i := range xs {
			xs[i] = math.Exp(r.Norm())
		}
		if low, high := MedianInterval(xs); low <= 1 && 1 <= high {
			held++
		}
	}
	if rate := float64(held) / trials; rate < 0.95 || rate > 0.99 {
		t.Errorf("the median is held in %.3f of cases", rate)
	}
}
