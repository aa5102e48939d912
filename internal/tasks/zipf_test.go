package tasks

import (
	"math"
	"testing"

	"dsconv/internal/rng"
)

// TestZipfTableIsExact adds up what the columns of the alias table give each rank.
func TestZipfTableIsExact(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 1000, 100352} {
		for _, exponent := range []float64{0, 0.5, 1, 1.3, 4} {
			z := newZipf(n, exponent)
			got := make([]uint64, n)
			for i := range z.alias {
				got[i] += z.threshold[i]
				got[z.alias[i]] += z.total - z.threshold[i]
			}
			for i, w := range z.weights {
				if got[i] != w*uint64(n) {
					t.Fatalf("n %d, exponent %v: rank %d has %d of %d", n, exponent, i, got[i], w*uint64(n))
				}
			}
		}
	}
}

func TestZipfFollowsItsLaw(t *testing.T) {
	const draws = 200000
	z, src, counts := newZipf(50, 1), rng.New(1), make([]int, 50)
	for range draws {
		counts[z.draw(src)]++
	}
	harmonic := 0.0
	for r := range counts {
		harmonic += 1 / float64(r+1)
	}
	for r, n := range counts {
		p := 1 / float64(r+1) / harmonic
		if math.Abs(z.p(int32(r))-p) > 1e-9 {
			t.Errorf("p(%d) = %v, want %v", r, z.p(int32(r)), p)
		}
		if math.Abs(float64(n)-draws*p) > 5*math.Sqrt(draws*p) {
			t.Errorf("rank %d came %d times, expected %.0f", r, n, draws*p)
		}
	}
}

// TestUrnIsExact compares the tree with adding up the weights that are left.
func TestUrnIsExact(t *testing.T) {
	weights := []uint64{5, 1, 7, 3, 3, 11, 2}
	u := newUrn(weights)
	for seed := range uint64(50) {
		u.refill()
		left := append([]uint64(nil), weights...)
		a, b := rng.New(seed), rng.New(seed)
		for range weights {
			total := uint64(0)
			for _, w := range left {
				total += w
			}
			x, want := b.Uint64N(total), 0
			for ; x >= left[want]; want++ {
				x -= left[want]
			}
			left[want] = 0
			if got := u.draw(a); got != want {
				t.Fatalf("seed %d: drew %d, want %d", seed, got, want)
			}
		}
	}
}

// TestDeckStaysWhole deals often and looks whether every number is still there.
func TestDeckStaysWhole(t *testing.T) {
	d, src, counts := newDeck(6), rng.New(1), make([]int, 6)
	const deals = 6000
	out := make([]int32, 3)
	for range deals {
		d.deal(src, 10, out)
		if out[0] == out[1] || out[1] == out[2] || out[0] == out[2] {
			t.Fatalf("dealt %v", out)
		}
		for _, x := range out {
			counts[x-10]++
		}
	}
	for i, n := range counts {
		if math.Abs(float64(n)-deals/2) > 5*math.Sqrt(deals/4) {
			t.Errorf("%d was dealt %d times of %d", i, n, deals)
		}
	}
	for i, c := range d.cards {
		if int(c) != i {
			t.Fatalf("cards are %v after the deals", d.cards)
		}
	}
}
