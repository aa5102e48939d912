package cli

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"dsconv/internal/bench"
	"dsconv/internal/config"
	"dsconv/internal/report"
	"dsconv/internal/runs"
	"dsconv/internal/sweep"
)

// How the step times of a study are measured: processes differ by some percent, so that
// many are worth more than many steps of each.
const (
	stepRounds = 15
	stepSteps  = 1 // of each variant in a round
)

// timeSteps measures step times of the variants of a configuration into dir, unless that
// was done already by this version, on this machine, with these settings.
func (f *Factory) timeSteps(ctx context.Context, c *config.Config, given, dir string) error {
	variants, err := bench.Variants(c, bench.VariantNames())
	if err != nil {
		return err
	}
	t := &report.StepTimes{
		Model: c.Name, Settings: stepSettings(variants), Version: buildText(), Machine: machineText(),
		Command:  fmt.Sprintf("dsconv bench step --config %s --variants %s --rounds %d --steps %d", given, strings.Join(bench.VariantNames(), ","), stepRounds, stepSteps),
		PerRound: stepSteps, Tokens: c.Train.Batch * c.Task.SeqLen,
	}
	file := filepath.Join(dir, report.StepTimesFile)
	old, err := report.ReadStepTimes(dir)
	if err != nil {
		f.warn(err)
	}
	if old != nil && old.Same(t) {
		return nil
	}
	f.logf("step times: %d variants of %s take turns; what else runs now disturbs them", len(variants), c.Name)
	ctx, stop := untilSignal(ctx)
	defer stop()
	m, err := f.measureSteps(ctx, bench.Plan{Name: c.Name, Variants: variants, Rounds: stepRounds, PerRound: stepSteps,
		Told: func(round int, variant string, ms float64) {
			if variant == variants[round%len(variants)].Name { // the first of its round
				f.logf("step times: round %d of %d", round+1, stepRounds)
			}
		}})
	if ctx.Err() != nil {
		return fmt.Errorf("%w while step times were measured; the same call measures them", sweep.ErrInterrupted)
	}
	if err != nil {
		return err
	}
	for _, v := range m.Variants {
		t.Variants = append(t.Variants, report.StepVariant{Variant: v.Variant, Params: float64(v.Params), RoundMs: v.RoundMs})
	}
	t.Measured = time.Now().UTC().Truncate(time.Second)
	return runs.ReplaceFile(file, t.Write)
}

// stepSettings is the identity of a measurement.
func stepSettings(variants []bench.Named) string {
	text := fmt.Sprintf("%d rounds of %d steps\n", stepRounds, stepSteps)
	for _, v := range variants {
		text += fmt.Sprintf("%s %s %d threads\n", v.Name, v.Config.Hash(), v.Config.Threads)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:12]
}

// machineText says where something was measured.
func machineText() string {
	m := bench.Identify()
	text := fmt.Sprintf("%d threads of %d cores, %s/%s, %s", m.Threads, m.Cores, m.OS, m.Arch, m.ISA)
	if m.CPU != "" {
		text = m.CPU + ", " + text
	}
	return text
}
