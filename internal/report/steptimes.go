package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dsconv/internal/stats"
)

// StepTimesFile is the file of a study's folder that holds its StepTimes.
const StepTimesFile = "step-times.json"

// StepTimes are times of a training step, of variants that took turns on a machine that
// did nothing else: what short convolutions cost. Speeds of a sweep's runs cannot tell,
// for runs that share a machine disturb each other.
type StepTimes struct {
	Model    string        `json:"model"`    // name of the configuration
	Settings string        `json:"settings"` // identity of all that was measured
	Version  string        `json:"version"`  // of dsconv
	Machine  string        `json:"machine"`
	Command  string        `json:"command"` // that measures the same
	Measured time.Time     `json:"measured"`
	PerRound int           `json:"steps_per_round"` // of which a round's time is the median
	Tokens   int           `json:"tokens_per_step"`
	Variants []StepVariant `json:"variants"`
}

// StepVariant is one variant of StepTimes.
type StepVariant struct {
	Variant string    `json:"variant"`
	Params  float64   `json:"params"`
	RoundMs []float64 `json:"round_ms"` // a round of one variant belongs to that of every other
}

// Same says whether measuring again could tell nothing new.
func (s *StepTimes) Same(o *StepTimes) bool {
	return s.Settings == o.Settings && s.Version == o.Version && s.Machine == o.Machine
}

// slowdown is how much longer a step of x takes than one of y, in percent, by round. It
// is empty where either was not measured.
func (s *StepTimes) slowdown(x, y string) []float64 {
	if s == nil {
		return nil
	}
	of, over := s.variant(x), s.variant(y)
	if of == nil || over == nil {
		return nil
	}
	out := make([]float64, len(of.RoundMs))
	for i := range out {
		out[i] = 100 * (of.RoundMs[i]/over.RoundMs[i] - 1)
	}
	return out
}

func (s *StepTimes) variant(name string) *StepVariant {
	i := slices.IndexFunc(s.Variants, func(v StepVariant) bool { return v.Variant == name })
	if i < 0 {
		return nil
	}
	return &s.Variants[i]
}

// ReadStepTimes reads the step times of a study's folder; nil where there are none.
func ReadStepTimes(dir string) (*StepTimes, error) {
	file := filepath.Join(dir, StepTimesFile)
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostStepTimes+1))
	if err == nil && len(data) > mostStepTimes {
		err = fmt.Errorf("larger than %d bytes", mostStepTimes)
	}
	if err != nil {
		return nil, fmt.Errorf("report: %s: %w", file, err)
	}
	s, err := parseStepTimes(data)
	if err != nil {
		return nil, fmt.Errorf("report: %s: %w; remove it, and dsconv reproduce measures again", file, err)
	}
	return s, nil
}

// mostStepTimes is the most bytes that a file of step times has.
const mostStepTimes = 1 << 20

// No step is shorter than a microsecond, or longer than a day.
const (
	shortestMs = 1e-3
	longestMs  = 24 * 3600e3
)

func parseStepTimes(data []byte) (*StepTimes, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	s := &StepTimes{}
	if err := d.Decode(s); err != nil {
		return nil, err
	}
	if len(s.Variants) == 0 {
		return nil, errors.New("no variant")
	}
	for i, v := range s.Variants {
		if len(v.RoundMs) == 0 || len(v.RoundMs) != len(s.Variants[0].RoundMs) {
			return nil, fmt.Errorf("variant %q has %d rounds, the first has %d", v.Variant, len(v.RoundMs), len(s.Variants[0].RoundMs))
		}
		for _, ms := range v.RoundMs {
			if !(ms > shortestMs && ms < longestMs) {
				return nil, fmt.Errorf("variant %q has a round of %g ms", v.Variant, ms)
			}
		}
		if s.variant(v.Variant) != &s.Variants[i] {
			return nil, fmt.Errorf("variant %q stands twice", v.Variant)
		}
	}
	return s, nil
}

// Write writes the step times as ReadStepTimes reads them.
func (s *StepTimes) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(s)
}

func percentText(v float64) string { return fmt.Sprintf("%.1f", v) }

// judgeOverhead asks whether a training step with `of` takes at most so many percent
// longer than one with `over`: the median over rounds, by its interval.
func judgeOverhead(c Claim, e evidence) Row {
	r := Row{Claim: c, Verdict: NotRun}
	over := e.steps.slowdown(c.Of, c.Over[0])
	if len(over) == 0 {
		r.Why = fmt.Sprintf("no step times of %s and %s", c.Of, c.Over[0])
		return r
	}
	low, high := stats.MedianInterval(over)
	interval := intervalText(low, high, percentText)
	r.N = len(over)
	r.Ours = fmt.Sprintf("%s %% (%s) more time a step, %d rounds", signed(stats.Median(over), percentText), interval, r.N)
	r.Sizes = fmt.Sprintf("%s parameters; %s", Count(e.steps.variant(c.Over[0]).Params), e.steps.Machine)
	words := fmt.Sprintf("the median over %d rounds is %s %%, 95 %% interval %s; the bound is %g %%", r.N, signed(stats.Median(over), percentText), interval, c.Most)
	switch {
	case float64(high) <= c.Most:
		r.Verdict, r.Why = Reproduced, words
	case float64(low) > c.Most:
		r.Verdict, r.Why = NotReproduced, words
	case !low.Finite():
		r.Verdict, r.Why = Inconclusive, "six rounds are the fewest that can tell; "+words
	default:
		r.Verdict, r.Why = Inconclusive, "the interval holds the bound; "+words
	}
	return r
}

// slowdownFigure draws what each variant costs beside base.
func slowdownFigure(s *StepTimes) (*Figure, error) {
	if s == nil {
		return nil, nil
	}
	var strips []strip
	rows := [][]string{{"variant", "round", "ms", "base_ms", "percent_slower"}}
	for _, v := range s.Variants {
		over := s.slowdown(v.Variant, "base")
		if v.Variant == "base" || len(over) == 0 {
			continue
		}
		low, high := stats.MedianInterval(over)
		strips = append(strips, strip{variant: v.Variant, values: over, mid: stats.Median(over), low: float64(low), high: float64(high), paper: paperValue("overhead", v.Variant)})
		for i, percent := range over {
			rows = append(rows, []string{v.Variant, fmt.Sprint(i + 1), number(v.RoundMs[i]), number(s.variant("base").RoundMs[i]), number(percent)})
		}
	}
	f, err := stripFigure(Figure{
		ID: "slowdown", Title: "Training slowdown, " + s.Model, Command: s.Command,
		Caption: fmt.Sprintf("Percent more time a training step than base: median over %d rounds in which the variants take turns, its 95 %% interval, and each round as a small dot. dsconv ran nothing else meanwhile. %s. Ring: the paper's bound on an H100, at 300M and 2B.", len(s.Variants[0].RoundMs), s.Machine),
	}, strips, "percent slower", []float64{0}, []string{"variant", "median", "low", "high", "rounds", "paper"})
	if f != nil {
		f.table = rows
	}
	return f, err
}
