package stats

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Alpha is the level of every test and interval of the study.
const Alpha = 0.05

// MinPairs is the fewest pairs with which the sign-flip test can reach Alpha:
// five pairs of one sign have a chance of 1 in 32.
const MinPairs = 5

// minApart is the number of pairs that suffices where every outcome of one variant
// beats every outcome of the other.
const minApart = 3

// Comparison sets a variant's outcomes beside another's over the same seeds.
type Comparison struct {
	N       int     `json:"n"`    // pairs
	Mean    float64 `json:"mean"` // of the differences x - y
	Low     Bound   `json:"low"`  // of its 95 % interval (Student's t; infinite for one pair)
	High    Bound   `json:"high"`
	Std     float64 `json:"std"` // of the differences
	Greater float64 `json:"p_greater"`
	Less    float64 `json:"p_less"`
	Test    string  `json:"test"`
	More    int     `json:"more_seeds"` // pairs that are missing to settle the sign if the differences stay as they are; -1: hopeless
}

// Compare sets x[i] beside y[i], outcomes of two variants with the same seed.
//
// Greater and Less are exact chances, under the hypothesis that the variants do
// not differ, of a difference at least as far to that side as the one seen. With
// MinPairs pairs or more they come from flipping the signs of the differences
// (Fisher's randomisation test). Fewer pairs can never reach Alpha that way, so
// the labels of all 2n outcomes are permuted instead: this ignores the pairing,
// which errs on the safe side where a seed is good or bad for both variants. With
// three seeds it is satisfied only if every outcome of one variant beats every
// outcome of the other.
func Compare(x, y []float64) Comparison {
	d := make([]float64, len(x))
	for i := range x {
		d[i] = x[i] - y[i]
	}
	c := Comparison{N: len(d), Low: Bound(math.Inf(-1)), High: Bound(math.Inf(1)), Greater: 1, Less: 1, Test: "none"}
	if len(d) == 0 {
		c.More = MinPairs
		return c
	}
	c.Mean, c.Std = Mean(d), StdDev(d)
	c.Low, c.High = interval(c.Mean, c.Std, c.N)
	if c.N >= MinPairs {
		c.Test = "sign flips"
		c.Greater, c.Less = signFlips(d)
	} else {
		c.Test = "relabelling"
		c.Greater, c.Less = relabel(x, y)
	}
	c.More = missing(c, slices.Min(x) > slices.Max(y) || slices.Max(x) < slices.Min(y))
	return c
}

// IsGreater says that x is above y by the exact test, which is one-sided: where there is no
// difference, it and IsLess say so in 5 % of cases each. The interval does not vote:
// it trusts in a bell curve that recall accuracies do not have.
func (c Comparison) IsGreater() bool { return c.N > 1 && c.Greater <= Alpha+slack && c.Mean > 0 }

// IsLess says that x is below y by the exact test.
func (c Comparison) IsLess() bool { return c.N > 1 && c.Less <= Alpha+slack && c.Mean < 0 }

// Words says what the comparison amounts to.
func (c Comparison) Words() string {
	switch {
	case c.N == 0:
		return "no seed in common"
	case c.N == 1:
		return "one seed: no spread known"
	case c.N == 2 && c.More > 0:
		return fmt.Sprintf("two seeds cannot tell; %d more may settle it", c.More)
	case c.IsGreater():
		return "higher"
	case c.IsLess():
		return "lower"
	case c.Mean == 0 && c.Std == 0:
		return "equal on every seed"
	case c.More < 0:
		return "within noise"
	}
	if c.More == 1 {
		return "within noise; one more seed may settle it"
	}
	return fmt.Sprintf("within noise; about %d more seeds would settle it", c.More)
}

// slack forgives the rounding of a chance that is exactly Alpha.
const slack = 1e-12

// interval is the mean's 95 % interval by Student's t.
func interval(mean, std float64, n int) (low, high Bound) {
	if n < 2 {
		return Bound(math.Inf(-1)), Bound(math.Inf(1))
	}
	half := TQuantile(n-1) * std / math.Sqrt(float64(n))
	return Bound(mean - half), Bound(mean + half)
}

// TQuantile is Student's t at 1-Alpha/2.
func TQuantile(degrees int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(degrees)}.Quantile(1 - Alpha/2)
}

// ZQuantile is the normal distribution's quantile at 1-Alpha/2.
func ZQuantile() float64 { return math.Sqrt2 * math.Erfinv(1-Alpha) }

// maxSeeds is where the search for enough seeds gives up.
const maxSeeds = 1000

// missing is how many more pairs would make the interval leave zero out, or, where
// so far the outcomes of the variants lie apart, suffice if they stay apart.
func missing(c Comparison, apart bool) int {
	if c.IsGreater() || c.IsLess() {
		return 0
	}
	if c.Mean == 0 {
		return -1
	}
	if c.N < minApart && apart {
		return minApart - c.N
	}
	if c.N == 1 {
		return MinPairs - 1
	}
	// The normal quantile is below Student's, so no smaller number can do.
	z := ZQuantile() * c.Std / c.Mean
	if z*z > maxSeeds {
		return -1
	}
	for n := max(c.N+1, MinPairs, int(z*z)); n <= maxSeeds; n++ {
		if low, high := interval(c.Mean, c.Std, n); low > 0 || high < 0 {
			return n - c.N
		}
	}
	return -1
}
