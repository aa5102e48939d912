package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"dsconv/internal/kernels"
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
	RoundMs    []float64 `json:"round_ms"` // median of each round
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

// worker is one variant's process.
type worker struct {
	variant string
	config  string
	in      io.WriteCloser
	out     *json.Decoder
	send    *json.Encoder
	end     func() error

	last   reply
	ms     []float64
	rounds []float64 // median of each round
	allocs uint64
	bytes  uint64
}

// warmUp is how many steps a variant takes before it is measured.
const warmUp = 2

// MeasureSteps trains all variants side by side in rounds: each variant in turn takes its
// steps while the others wait, and each round begins with another variant, so that what
// the machine does besides hits all alike. A last round, which is not counted, profiles.
func MeasureSteps(p Plan) (s Steps, err error) {
	s = Steps{Config: p.Name, ISA: kernels.ActiveISA().String(), Rounds: p.Rounds, PerRound: p.PerRound}
	kernels.SetThreads(p.Variants[0].Config.Threads)
	s.Threads = kernels.Threads()
	var all []*worker
	defer func() {
		for _, w := range all {
			err = errors.Join(err, w.in.Close(), w.end())
		}
	}()
	for _, v := range p.Variants {
		text, err := v.Config.YAML()
		if err != nil {
			return s, err
		}
		in, out, end, err := p.Start()
		if err != nil {
			return s, fmt.Errorf("bench: variant %s: %w", v.Name, err)
		}
		w := &worker{variant: v.Name, config: string(text), in: in, out: json.NewDecoder(out), send: json.NewEncoder(in), end: end}
		all = append(all, w)
		if err := w.run(request{Config: w.config, Steps: warmUp}); err != nil {
			return s, err
		}
	}
	for round := range p.Rounds {
		s.PeakGFLOPS = max(s.PeakGFLOPS, kernels.MeasurePeak(s.Threads))
		for i := range all {
			w := all[(i+round)%len(all)]
			if err := w.run(request{Steps: p.PerRound}); err != nil {
				return s, err
			}
			w.count()
			p.Told(round, w.variant, w.rounds[round])
		}
	}
	for _, w := range all {
		if err := w.run(request{Steps: p.PerRound, Profile: true}); err != nil {
			return s, err
		}
	}
	s.sum(all)
	return s, nil
}

// run has the process take steps.
func (w *worker) run(q request) error {
	if err := w.send.Encode(q); err != nil {
		return fmt.Errorf("bench: variant %s: %w", w.variant, err)
	}
	w.last = reply{}
	if err := w.out.Decode(&w.last); err != nil {
		return fmt.Errorf("bench: variant %s: the process ended: %w", w.variant, err)
	}
	if w.last.Error != "" {
		return fmt.Errorf("bench: variant %s: %s", w.variant, w.last.Error)
	}
	return nil
}

// count takes the last round into account.
func (w *worker) count() {
	w.ms = append(w.ms, w.last.Millis...)
	w.rounds = append(w.rounds, median(w.last.Millis))
	w.allocs += w.last.Allocs
	w.bytes += w.last.Bytes
}

// sum draws the table up from what the workers counted.
func (s *Steps) sum(all []*worker) {
	base := slices.IndexFunc(all, func(w *worker) bool { return w.variant == "base" })
	for _, w := range all {
		v := Step{Variant: w.variant, Params: w.last.Params, Millis: median(w.ms), Fastest: slices.Min(w.ms), RoundMs: w.rounds, Profile: w.last.Profile}
		v.TokensPerS = float64(w.last.Tokens) / v.Millis * 1e3
		v.FloorMs = w.last.FLOPs / s.PeakGFLOPS / 1e6
		v.ToFloor = v.Millis / v.FloorMs
		v.PeakRSSMiB = float64(w.last.PeakRSS) / (1 << 20)
		v.Allocs, v.Bytes = float64(w.allocs)/float64(len(w.ms)), float64(w.bytes)/float64(len(w.ms))
		if base >= 0 {
			var ratios []float64
			for i, ms := range w.rounds {
				ratios = append(ratios, ms/all[base].rounds[i])
			}
			v.ToBase = median(ratios)
		}
		s.Variants = append(s.Variants, v)
	}
}

// median of at least one value; of an even number the mean of the middle two.
func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}
