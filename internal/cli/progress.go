package cli

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"dsconv/internal/runs"
)

// progress shows a run as it goes: a bar on a terminal, a line now and then
// elsewhere, and nothing but warnings when it is quiet.
type progress struct {
	f     *Factory
	quiet bool
	stop  *stopper

	bar         *progressbar.ProgressBar
	from, steps int
	start       time.Time
	shown       time.Time
	saving      time.Duration // spent on checkpoints
}

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
)

// Started tells where the run begins.
func (p *progress) Started(from, steps int) {
	p.from, p.steps, p.start = from, steps, time.Now()
	if p.quiet {
		return
	}
	if from > 0 {
		p.f.logf("going on from the checkpoint of step %d", from)
	}
	if p.f.Terminal {
		p.bar = p.f.newBar(steps, progressbar.OptionShowCount())
	}
}

// newBar is a bar on the terminal, with what it describes behind it.
func (f *Factory) newBar(steps int, more ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions(steps, append(more, progressbar.OptionSetWriter(f.Err), progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionShowDescriptionAtLineEnd(), progressbar.OptionSetWidth(24), progressbar.OptionClearOnFinish())...)
}

// Stepped shows a step, if it is time to.
func (p *progress) Stepped(m runs.Metric) {
	if p.quiet {
		return
	}
	now := time.Now()
	last := m.Step == p.steps
	if p.bar != nil {
		if now.Sub(p.shown) >= barEvery || last {
			p.shown = now
			p.bar.Describe(fmt.Sprintf("loss %.4f  %s tokens/s  %s left", m.Loss, si(m.TokensPerS), p.left(m.Step, now)))
			_ = p.bar.Set(m.Step) // a bar that cannot be drawn stops no run
		}
		return
	}
	if m.Step == p.from+1 || m.Eval != nil || last || now.Sub(p.shown) >= lineEvery {
		p.shown = now
		text := fmt.Sprintf("step %d/%d  loss %.4f  accuracy %.3f  %s tokens/s  %s left", m.Step, p.steps, m.Loss, m.Accuracy, si(m.TokensPerS), p.left(m.Step, now))
		if e := m.Eval; e != nil {
			text += fmt.Sprintf("  validation: loss %.4f  accuracy %.3f", e.Loss, e.Accuracy)
		}
		if m.Skipped {
			text += "  skipped"
		}
		p.f.logf("%s", text)
	}
}

// left is how long the rest takes at the speed so far of this process.
func (p *progress) left(step int, now time.Time) string {
	per := now.Sub(p.start).Seconds() / float64(max(1, step-p.from))
	return durationText(per * float64(p.steps-step))
}

// Saved counts the time that checkpoints take.
func (p *progress) Saved(_ int, took time.Duration) { p.saving += took }

// Stop says whether a signal came.
func (p *progress) Stop() bool { return p.stop.asked.Load() }

// ended removes the bar and says what checkpoints cost.
func (p *progress) ended() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	if took := time.Since(p.start); !p.quiet && !p.start.IsZero() {
		p.f.logf("%s, of which checkpoints took %.1f %%", durationText(took.Seconds()), 100*p.saving.Seconds()/took.Seconds())
	}
}
