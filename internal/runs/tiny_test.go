package runs

import (
	"math"
	"slices"
	"testing"
	"time"

	"dsconv/internal/config"
	"dsconv/internal/train"
)

// tiny is a run of some milliseconds, with a dynamic convolution and a checkpoint
// every two steps.
func tiny() *config.Config {
	c := config.Default()
	c.Name = "tiny"
	c.Model.Vocab, c.Model.Dim, c.Model.Layers, c.Model.MLPDim = 16, 8, 1, 0
	c.Conv.Kind, c.Conv.Rank, c.Conv.Width = "dynamic", 2, 2
	c.Task.SeqLen, c.Task.Pairs, c.Task.Vocab = 8, 2, 16
	c.Train.Steps, c.Train.Batch, c.Train.MicroBatch, c.Train.EvalEvery, c.Train.EvalBatches = 7, 2, 2, 3, 1
	c.Optim.SpikeSigma = 8 // so that the guard's state is part of what must survive
	c.Checkpoint.Every, c.Checkpoint.Keep = 2, 2
	c.Threads = 1
	return c
}

// complete is the from of a run that had nothing left to train.
const complete = -1

// observer notes what a run tells.
type observer struct {
	from    int
	saved   int
	metrics []Metric
	warned  []error
	stopAt  int // step after which to stop; 0: never
	stopAsk int // how often Stop says no before it says yes; 0: always no
	asked   int
}

func (o *observer) Started(from, _ int) { o.from = from }
func (o *observer) Stepped(m Metric)    { o.metrics = append(o.metrics, m) }
func (o *observer) Saved(step int, _ time.Duration) {
	o.saved = step
}
func (o *observer) warn(err error) { o.warned = append(o.warned, err) }
func (o *observer) Stop() bool {
	if o.asked++; o.stopAsk > 0 && o.asked > o.stopAsk {
		return true
	}
	return o.stopAt > 0 && len(o.metrics) > 0 && o.metrics[len(o.metrics)-1].Step >= o.stopAt
}

// work opens a run on f and trains it.
func work(f FS, c *config.Config, o *observer) (*train.Trainer, error) {
	r, err := openOn(f, "/disk/run", c, Options{Resume: true, Warn: o.warn})
	if err != nil {
		return nil, err
	}
	t, err := train.New(c)
	if err != nil {
		return nil, err
	}
	return t, r.Train(t, o)
}

// end is what a finished run leaves.
type end struct {
	weights []float32
	metrics []Metric
	guard   *train.Guard // nil where it is not known
}

// uncut is the end of a run that nothing disturbs, and how many operations of the
// file system it takes.
func uncut(t *testing.T, c *config.Config) (end, int) {
	t.Helper()
	m := newMemFS()
	tr, err := work(m, c, &observer{})
	check(t, err)
	operations := m.ops
	list, err := readMetrics(m)
	check(t, err)
	return end{tr.Model.Weights, list, &tr.Guard}, operations
}

// finished brings a run on f to its end and reads what it left.
func finished(t *testing.T, f FS, c *config.Config, o *observer) end {
	t.Helper()
	tr, err := work(f, c, o)
	check(t, err)
	list, err := readMetrics(f)
	check(t, err)
	return end{slices.Clone(tr.Model.Weights), list, &tr.Guard}
}

// same compares two ends bit for bit.
func same(t *testing.T, what string, got, want end) {
	t.Helper()
	if len(got.metrics) != len(want.metrics) {
		t.Fatalf("%s: %d lines of metrics, want %d", what, len(got.metrics), len(want.metrics))
	}
	for i := range got.metrics {
		if d := got.metrics[i].Difference(want.metrics[i]); d != "" {
			t.Fatalf("%s: %s", what, d)
		}
	}
	if got.guard != nil && want.guard != nil && *got.guard != *want.guard {
		t.Fatalf("%s: the guard is %+v, want %+v", what, *got.guard, *want.guard)
	}
	for i := range got.weights {
		if math.Float32bits(got.weights[i]) != math.Float32bits(want.weights[i]) {
			t.Fatalf("%s: weight %d is %v, want %v", what, i, got.weights[i], want.weights[i])
		}
	}
}
