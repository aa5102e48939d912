package runs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strconv"
	"time"

	"dsconv/internal/train"
)

const (
	metricsFile = "metrics.jsonl"
	// maxMetrics and maxLine bound what is taken into memory: a line is some 300 bytes,
	// so this is more than a million steps. A run may have more.
	maxMetrics = 512 << 20
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

// eachMetric reads lines and hands them to take. A last line that is torn, as a killed
// process leaves it, is left out; bad lines before it are errors.
func eachMetric(r io.Reader, take func(Metric)) error {
	in := bufio.NewReaderSize(r, maxLine+1)
	for n, before := 1, 0; ; n++ {
		line, err := in.ReadSlice('\n')
		long := false
		for errors.Is(err, bufio.ErrBufferFull) {
			long = true
			_, err = in.ReadSlice('\n')
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var m Metric
		if err = errTooLarge; !long {
			err = json.Unmarshal(line, &m)
		}
		if err == nil && m.Step <= before {
			err = fmt.Errorf("step %d follows step %d", m.Step, before)
		}
		if err != nil {
			if _, e := in.Peek(1); errors.Is(e, io.EOF) {
				return nil
			}
			return fmt.Errorf("line %d: %w", n, err)
		}
		before = m.Step
		take(m)
	}
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

func readMetrics(f FS) (list []Metric, err error) {
	err = scanMetrics(f, maxMetrics, func(m Metric) { list = append(list, m) })
	return list, err
}

// scanMetrics hands out the lines of a file of at most limit bytes, and then holds them to
// what the newest checkpoint knows of them.
func scanMetrics(f FS, limit int64, take func(Metric)) error {
	known, err := newestManifest(f) // before the lines: they only grow
	if err != nil {
		return err
	}
	size, sum := int64(0), sha256.New()
	switch r, e := f.Open(metricsFile); {
	case errors.Is(e, fs.ErrNotExist):
	case e != nil:
		return e
	default:
		defer r.Close()
		if size = r.Size(); size > limit {
			return fmt.Errorf("%s has %d MiB, more than the %d MiB that fit into memory here: dsconv runs show says how the run ended, and other programs can read the file, a JSON object a line", metricsFile, size>>20, limit>>20)
		}
		all := io.NewSectionReader(r, 0, size)
		err = eachMetric(io.MultiReader(io.TeeReader(io.LimitReader(all, known.Metrics.Size), sum), all), take)
	}
	if err == nil && !known.Metrics.reached(size, sum) {
		err = fmt.Errorf("the lines up to step %d are not those that were written", known.Step)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", metricsFile, err)
	}
	return nil
}

// lastMetric reads the last whole line from the end of the file; it is zero where there
// is none.
func lastMetric(f FS) (m Metric, err error) {
	r, err := f.Open(metricsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	defer r.Close()
	const most = 2 * maxLine // a torn line may follow
	tail, err := io.ReadAll(io.NewSectionReader(r, max(0, r.Size()-most), most))
	end := bytes.LastIndexByte(tail, '\n')
	if err != nil || end < 0 {
		return m, err
	}
	if err := json.Unmarshal(tail[bytes.LastIndexByte(tail[:end], '\n')+1:end], &m); err != nil {
		return m, fmt.Errorf("%s: the last line: %w", metricsFile, err)
	}
	return m, nil
}

// Progress is the last step in a run's metrics, 0 before the first. It costs as much for
// a long run as for a short one.
func Progress(dir string) (step int, err error) {
	disk, err := openDir(dir)
	if err != nil {
		return 0, err
	}
	defer disk.root.Close()
	m, err := lastMetric(disk)
	if err != nil {
		return 0, fmt.Errorf("runs: %s: %w", dir, err)
	}
	return m.Step, nil
}
