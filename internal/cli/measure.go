package cli

import (
	"time"

	"dsconv/internal/config"
	"dsconv/internal/train"
)

// What a measurement takes: one step to warm up, then steps until one of these
// is reached.
const (
	measureSteps = 20
	measureTime  = 5 * time.Second
)

// measure trains a few steps and derives the time of the whole run.
func (f *Factory) measure(p *plan, c *config.Config) error {
	if err := fitsHere(c); err != nil {
		return err
	}
	f.logf("measuring %s", p.Name)
	t, err := train.New(c)
	if err != nil {
		return err
	}
	if _, err := t.Next(); err != nil {
		return err
	}
	start, steps := time.Now(), 0
	for steps < measureSteps && time.Since(start) < measureTime {
		if _, err := t.Next(); err != nil {
			return err
		}
		steps++
	}
	p.TokensPerS = float64(steps) * float64(p.TokensPerStep) / time.Since(start).Seconds()
	p.at(p.TokensPerS)
	return nil
}
