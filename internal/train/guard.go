package train

import (
	"errors"
	"math"
)

// Guard is the spike guard: it keeps the running mean and variance of the loss and
// skips a step whose loss lies optim.spike_sigma standard deviations above the
// mean, or is no number. It is part of a run's state.
type Guard struct {
	Mean     float64 `json:"mean"`
	Variance float64 `json:"variance"`
	Seen     int     `json:"seen"`  // losses in mean and variance
	Skips    int     `json:"skips"` // steps skipped in a row
}

const (
	// guardWindow is about how many losses the mean looks back on: the window of
	// OLMo's skip-step optimizer is 128 steps (github.com/allenai/OLMo-core).
	guardWindow = 128
	// guardWarm is how many losses there must be before one can be a spike.
	guardWarm = 32
)

// ErrSkips is returned when optim.max_skips steps in a row were skipped.
var ErrSkips = errors.New("too many steps were skipped")

// spike says whether a finite loss is one.
func (g *Guard) spike(sigma, loss float64) bool {
	return g.Seen >= guardWarm && loss > g.Mean+sigma*math.Sqrt(g.Variance)
}

// see takes a loss into the mean: the plain mean of the first losses, then an
// exponential one.
func (g *Guard) see(loss float64) {
	g.Seen++
	g.Skips = 0
	rate := 1 / float64(min(g.Seen, guardWindow))
	d := loss - g.Mean
	g.Mean += rate * d
	g.Variance = (1 - rate) * (g.Variance + rate*d*d)
}
