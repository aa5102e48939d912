package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"time"

	"dsconv/internal/train"
)

const (
	metricsFile = "metrics.jsonl"
	// MaxMetrics and maxLine bound what a reader takes in: a line is some 300
	// bytes, so this is more than a million steps.
	MaxMetrics = 512 << 20
	maxLine    = 4096
)

// Metric is one line of metrics.jsonl: what a step saw.
type Metric struct {
	Step         int
	Tokens       int64   // trained on so far
	Loss         float64 // of the step's batch, before the update; NaN if it was not a number
	Accuracy     float64
	GradNorm     float64 // before clipping
	ConvGradNorm float64 // of the convolutions' parameters
	LR           float64
	Skipped      bool // by the spike guard: the weights did not move

	Eval *Eval // nil where the step was not evaluated

	// Timing differs from run to run; all else is equal bit for bit.
	TokensPerS float64 // of the process that took the step
	Seconds    float64 // of training so far, over all processes
}

// Eval is what the validation split said after a step.
type Eval struct {
	Loss, Accuracy, Solved float64
	Oracle                 float64 // loss of the generator; NaN where the task has none
}

// metricOf is a step's line; before is the training time of earlier processes.
func metricOf(s train.Stats, e *train.Evaluation, before time.Duration) Metric {
	m := Metric{
		Step: s.Step, Tokens: s.Tokens, Loss: s.Loss, Accuracy: s.Accuracy, GradNorm: s.GradNorm, ConvGradNorm: s.ConvGradNorm,
		LR: s.LR, Skipped: s.Skipped, TokensPerS: s.TokensPerS, Seconds: (before + s.Elapsed).Seconds(),
	}
	if e != nil {
		m.Eval = &Eval{e.Loss, e.Accuracy, e.Solved, e.Oracle}
	}
	return m
}

// stats is what the step saw, without its evaluation and timing.
func (m Metric) stats() train.Stats {
	return train.Stats{
		Step: m.Step, Tokens: m.Tokens, Loss: m.Loss, Accuracy: m.Accuracy, GradNorm: m.GradNorm, ConvGradNorm: m.ConvGradNorm,
		LR: m.LR, Skipped: m.Skipped,
	}
}

// appendTo writes the line, newline included. Numbers are the shortest that read
// back as the same bits; a loss that is no number is null, which JSON can say.
func (m Metric) appendTo(b []byte) []byte {
	b = append(b, `{"step":`...)
	b = strconv.AppendInt(b, int64(m.Step), 10)
	b = append(b, `,"tokens":`...)
	b = strconv.AppendInt(b, m.Tokens, 10)
	number := func(key string, v float64) {
		b = append(append(append(b, `,"`...), key...), `":`...)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendFloat(b, v, 'g', -1, 64)
		}
	}
	number("loss", m.Loss)
	number("accuracy", m.Accuracy)
	number("grad_norm", m.GradNorm)
	number("conv_grad_norm", m.ConvGradNorm)
	number("lr", m.LR)
	if m.Skipped {
		b = append(b, `,"skipped":true`...)
	}
	if e := m.Eval; e != nil {
		number("eval_loss", e.Loss)
		number("eval_accuracy", e.Accuracy)
		number("eval_solved", e.Solved)
		if !math.IsNaN(e.Oracle) {
			number("oracle", e.Oracle)
		}
	}
	number("tokens_per_s", math.Round(m.TokensPerS*10)/10)
	number("seconds", math.Round(m.Seconds*1e6)/1e6)
	return append(b, "}\n"...)
}

// MarshalJSON is the line without its newline.
func (m Metric) MarshalJSON() ([]byte, error) { return bytes.TrimSpace(m.appendTo(nil)), nil }

// UnmarshalJSON reads a line. Keys that it does not know are ignored, so that a
// later version may add some.
func (m *Metric) UnmarshalJSON(line []byte) error {
	var w struct {
		Step         int      `json:"step"`
		Tokens       int64    `json:"tokens"`
		Loss         *float64 `json:"loss"`
		Accuracy     float64  `json:"accuracy"`
		GradNorm     *float64 `json:"grad_norm"`
		ConvGradNorm *float64 `json:"conv_grad_norm"`
		LR           float64  `json:"lr"`
		Skipped      bool     `json:"skipped"`
		EvalLoss     *float64 `json:"eval_loss"`
		EvalAccuracy *float64 `json:"eval_accuracy"`
		EvalSolved   float64  `json:"eval_solved"`
		Oracle       *float64 `json:"oracle"`
		TokensPerS   float64  `json:"tokens_per_s"`
		Seconds      float64  `json:"seconds"`
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return err
	}
	if w.Step < 1 {
		return fmt.Errorf("step %d is not a step", w.Step)
	}
	orNaN := func(p *float64) float64 {
		if p == nil {
			return math.NaN()
		}
		return *p
	}
	*m = Metric{
		Step: w.Step, Tokens: w.Tokens, Loss: orNaN(w.Loss), Accuracy: w.Accuracy, GradNorm: orNaN(w.GradNorm), ConvGradNorm: orNaN(w.ConvGradNorm),
		LR: w.LR, Skipped: w.Skipped, TokensPerS: w.TokensPerS, Seconds: w.Seconds,
	}
	if w.EvalAccuracy != nil {
		m.Eval = &Eval{orNaN(w.EvalLoss), *w.EvalAccuracy, w.EvalSolved, orNaN(w.Oracle)}
	}
	return nil
}

// Difference names the first value in which two lines differ, timing aside; it is
// empty where all bits agree.
func (m Metric) Difference(o Metric) string {
	a, b := m, o
	a.TokensPerS, a.Seconds, b.TokensPerS, b.Seconds = 0, 0, 0, 0
	x, y := bytes.Split(a.appendTo(nil), []byte(",")), bytes.Split(b.appendTo(nil), []byte(","))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			return fmt.Sprintf("step %d: %s against step %d: %s", m.Step, x[i], o.Step, y[i])
		}
	}
	return ""
}

// parseMetrics reads lines. A last line that is torn, as a killed process leaves
// it, is left out; bad lines before it are errors.
func parseMetrics(data []byte) ([]Metric, error) {
	var out []Metric
	for n := 1; len(data) > 0; n++ {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		if !whole {
			break
		}
		var m Metric
		err := errTooLarge
		if len(line) <= maxLine {
			err = json.Unmarshal(line, &m)
		}
		if err == nil && len(out) > 0 && m.Step <= out[len(out)-1].Step {
			err = fmt.Errorf("step %d follows step %d", m.Step, out[len(out)-1].Step)
		}
		if err != nil {
			if len(rest) == 0 {
				break
			}
			return out, fmt.Errorf("line %d: %w", n, err)
		}
		out, data = append(out, m), rest
	}
	return out, nil
}

// Metrics reads a run's metrics, and holds them to what the newest checkpoint knows
// of them; a run that has none yet gives none.
func Metrics(dir string) ([]Metric, error) {
	disk, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	defer disk.root.Close()
	list, err := readMetrics(disk)
	if err != nil {
		return list, fmt.Errorf("runs: %s: %w", dir, err)
	}
	return list, nil
}

func readMetrics(f FS) ([]Metric, error) {
	known, err := newestManifest(f) // before the lines: they only grow
	if err != nil {
		return nil, err
	}
	data, err := readFile(f, metricsFile, MaxMetrics)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	list, err := parseMetrics(data)
	if err == nil && !known.Metrics.covers(data) {
		err = fmt.Errorf("the lines up to step %d are not those that were written", known.Step)
	}
	if err != nil {
		return list, fmt.Errorf("%s: %w", metricsFile, err)
	}
	return list, nil
}
