package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"dsconv/internal/kernels"
	"dsconv/internal/stats"
)

// Step is the measurement of one variant's training step.
type Step struct {
	Variant    string    `json:"variant"`
	Params     int64     `json:"params"`
	Millis     float64   `json:"ms"`     // median of all steps
	Fastest    float64   `json:"ms_min"` // fastest step
	TokensPerS float64   `json:"tokens_per_s"`
	FloorMs    float64   `json:"gemm_floor_ms"` // matrix FLOPs of the step at the measured peak
	ToFloor    float64   `json:"ratio_to_gemm_floor"`
	ToBase     float64   `json:"ratio_to_base,omitempty"` // median over rounds; absent without base
	PeakRSSMiB float64   `json:"peak_rss_mib"`
	Allocs     float64   `json:"allocs_per_step"`
	Bytes      float64   `json:"bytes_per_step"`
	RoundMs    []float64 `json:"round_ms"` // median of each round, which is a process of its own
	Profile    []OpShare `json:"profile"`
}

// Steps is a whole measurement.
type Steps struct {
	Config     string  `json:"config"`
	ISA        string  `json:"isa"`
	Threads    int     `json:"threads"`
	PeakGFLOPS float64 `json:"peak_gflops"` // the best measured, before each round
	Rounds     int     `json:"rounds"`
	PerRound   int     `json:"steps_per_round"`
	Variants   []Step  `json:"variants"`
}

// Plan says what to measure.
type Plan struct {
	Name     string // of the measurement
	Variants []Named
	Rounds   int
	PerRound int // steps of a variant in a round
	// Start starts a process that runs Serve; closing in ends it, and end waits.
	Start func() (in io.WriteCloser, out io.Reader, end func() error, err error)
	// Told is told of each round of each variant.
	Told func(round int, variant string, ms float64)
}

// tally is what was measured of one variant so far.
type tally struct {
	Named
	last    reply
	ms      []float64
	rounds  []float64 // median of each round
	peakRSS int64
	allocs  uint64
	bytes   uint64
}

// warmUp is how many steps a process takes before it is measured.
const warmUp = 1

// MeasureSteps trains the variants in rounds: each variant in turn takes its steps while no
// other runs, and each round begins with another variant, so that what the machine does
// besides hits all alike. Every turn is a process of its own, for where its memory happens to
// lie makes a process some percent faster or slower than the next. The processes of the last
// round profile too, after they were measured.
func MeasureSteps(p Plan) (Steps, error) {
	s := Steps{Config: p.Name, ISA: kernels.ActiveISA().String(), Rounds: p.Rounds, PerRound: p.PerRound}
	kernels.SetThreads(p.Variants[0].Config.Threads)
	s.Threads = kernels.Threads()
	all := make([]*tally, len(p.Variants))
	for i, v := range p.Variants {
		all[i] = &tally{Named: v}
	}
	for round := range p.Rounds {
		s.PeakGFLOPS = max(s.PeakGFLOPS, kernels.MeasurePeak(s.Threads))
		for i := range all {
			t := all[(i+round)%len(all)]
			if err := t.turn(p, round == p.Rounds-1); err != nil {
				return s, fmt.Errorf("bench: variant %s: %w", t.Name, err)
			}
			p.Told(round, t.Name, t.rounds[round])
		}
	}
	s.sum(all)
	return s, nil
}

// turn takes a round's steps in a new process.
func (t *tally) turn(p Plan, profile bool) (err error) {
	text, err := t.Config.YAML()
	if err != nil {
		return err
	}
	in, out, end, err := p.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close(), end()) }()
	send, receive := json.NewEncoder(in), json.NewDecoder(out)
	run := func(q request) error {
		if err := send.Encode(q); err != nil {
			return err
		}
		t.last = reply{}
		if err := receive.Decode(&t.last); err != nil {
			return fmt.Errorf("the process ended: %w", err)
		}
		if t.last.Error != "" {
			return errors.New(t.last.Error)
		}
		return nil
	}
	if err := run(request{Config: string(text), Steps: warmUp}); err != nil {
		return err
	}
	if err := run(request{Steps: p.PerRound}); err != nil {
		return err
	}
	t.count()
	if profile {
		return run(request{Steps: p.PerRound, Profile: true})
	}
	return nil
}

// count takes the last round into account.
func (t *tally) count() {
	t.ms = append(t.ms, t.last.Millis...)
	t.rounds = append(t.rounds, stats.Median(t.last.Millis))
	t.peakRSS = max(t.peakRSS, t.last.PeakRSS)
	t.allocs += t.last.Allocs
	t.bytes += t.last.Bytes
}

// sum draws the table up from what was counted.
func (s *Steps) sum(all []*tally) {
	base := slices.IndexFunc(all, func(t *tally) bool { return t.Name == "base" })
	for _, t := range all {
		v := Step{Variant: t.Name, Params: t.last.Params, Millis: stats.Median(t.ms), Fastest: slices.Min(t.ms), RoundMs: t.rounds, Profile: t.last.Profile}
		v.TokensPerS = float64(t.last.Tokens) / v.Millis * 1e3
		v.FloorMs = t.last.FLOPs / s.PeakGFLOPS / 1e6
		v.ToFloor = v.Millis / v.FloorMs
		v.PeakRSSMiB = float64(t.peakRSS) / (1 << 20)
		v.Allocs, v.Bytes = float64(t.allocs)/float64(len(t.ms)), float64(t.bytes)/float64(len(t.ms))
		if base >= 0 {
			var ratios []float64
			for i, ms := range t.rounds {
				ratios = append(ratios, ms/all[base].rounds[i])
			}
			v.ToBase = stats.Median(ratios)
		}
		s.Variants = append(s.Variants, v)
	}
}
