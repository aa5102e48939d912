package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/graph"
	"dsconv/internal/tasks"
	"dsconv/internal/train"
)

// A variant is measured in a process of its own, so that its memory is its own. The
// process reads requests and writes replies, one JSON value each: first the
// configuration, then rounds.

type request struct {
	Config  string `json:"config,omitempty"` // resolved YAML; of the first request
	Steps   int    `json:"steps"`
	Profile bool   `json:"profile"`
}

type reply struct {
	Error   string    `json:"error,omitempty"`
	Params  int64     `json:"params"`
	FLOPs   float64   `json:"flops"`  // of the matrix products and filters of a step
	Tokens  int       `json:"tokens"` // of a step
	Millis  []float64 `json:"ms"`     // of each step
	Allocs  uint64    `json:"allocs"` // of the round
	Bytes   uint64    `json:"bytes"`  // allocated in the round
	PeakRSS int64     `json:"peak_rss"`
	Profile []OpShare `json:"profile"`
}

// OpShare is the time of one kind of operator in a step.
type OpShare struct {
	Op     string  `json:"op"`
	Calls  int     `json:"calls"`
	Millis float64 `json:"ms"`
	Share  float64 `json:"share"` // of the step
}

// outside names what a step does between its operators: data, clipping, optimizer.
const outside = "data and optimizer"

// Serve is the process of one variant.
func Serve(in io.Reader, out io.Writer) error {
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	var t *train.Trainer
	for {
		var q request
		if err := requests.Decode(&q); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("bench: request: %w", err)
		}
		var r reply
		var err error
		if t == nil {
			t, err = begin(q.Config)
		}
		if err == nil {
			err = round(t, q, &r)
		}
		if err != nil {
			r.Error = err.Error()
		}
		if err := replies.Encode(r); err != nil {
			return fmt.Errorf("bench: reply: %w", err)
		}
	}
}

func begin(text string) (*train.Trainer, error) {
	c, err := config.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	return train.New(c)
}

// round takes steps and measures them.
func round(t *train.Trainer, q request, r *reply) error {
	spec := arch.SpecOf(t.Config)
	r.Params = spec.Count().Total
	r.Tokens = t.Config.Train.Batch * t.Task.SeqLen()
	r.FLOPs = spec.TrainFLOPsPerToken(tasks.MaxLabels(t.Config.Task)) * float64(r.Tokens)
	t.Profile(q.Profile)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range q.Steps {
		start := time.Now()
		if _, err := t.Next(); err != nil {
			return err
		}
		r.Millis = append(r.Millis, time.Since(start).Seconds()*1e3)
	}
	runtime.ReadMemStats(&after)
	r.Allocs, r.Bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	r.PeakRSS = peakRSS("/")
	if q.Profile {
		r.Profile = shares(t.Times(), r.Millis)
	}
	return nil
}

// shares turns the times of all steps into those of one, the longest first.
func shares(times []graph.OpTime, steps []float64) []OpShare {
	n, total := float64(len(steps)), 0.0
	for _, ms := range steps {
		total += ms
	}
	rest := total
	var out []OpShare
	for _, t := range times {
		ms := t.Time.Seconds() * 1e3
		rest -= ms
		if strings.HasPrefix(t.Name, "hand out") { // hands out a gradient that is there already
			continue
		}
		out = append(out, OpShare{Op: t.Name, Calls: t.Calls / len(steps), Millis: ms / n, Share: ms / total})
	}
	return append(out, OpShare{Op: outside, Calls: 1, Millis: rest / n, Share: rest / total})
}

// peakRSS is the most memory that this process has had resident, in bytes, as Linux
// tells under root; 0 elsewhere.
func peakRSS(root string) int64 {
	text := field(filepath.Join(root, "proc/self/status"), "VmHWM", ":")
	n, _ := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	return n << 10
}
