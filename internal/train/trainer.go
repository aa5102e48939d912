package train

import (
	"errors"
	"fmt"
	"math"
	"time"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/graph"
	"dsconv/internal/kernels"
	"dsconv/internal/tasks"
)

// Trainer trains one model on one task. It is not safe for concurrent use.
type Trainer struct {
	Config *config.Config
	Task   tasks.Task
	Model  *arch.Model
	Steps  int // of the whole run
	Step   int // steps taken so far
	Guard  Guard

	// Pending is what the last step saw, where a stop came before its evaluation
	// was done and an Observer was told.
	Pending *Stats

	step    *arch.Step
	batch   tasks.Batch
	adam    *AdamW
	elapsed time.Duration // spent in training steps, evaluation excluded
	seen    int64         // tokens trained on by this process
}

// ErrNotFinite is returned when a loss or a gradient is not a finite number.
// The weights are those of before the step.
var ErrNotFinite = errors.New("not a finite number")

// New checks that configuration and task fit together, allocates the model and
// compiles its step. Weights are drawn from the configuration's seed.
func New(c *config.Config) (*Trainer, error) {
	task, err := tasks.New(c.Task, c.Seed)
	if err != nil {
		return nil, err
	}
	spec := arch.SpecOf(c)
	if task.Vocab() > spec.Vocab {
		return nil, fmt.Errorf("train: model.vocab is %d, but task %s has %d tokens: leave model.vocab out or raise it", spec.Vocab, task.Name(), task.Vocab())
	}
	kernels.SetThreads(c.Threads)
	t := &Trainer{Config: c, Task: task, Steps: Steps(c)}
	t.Model = arch.New(spec, true)
	t.Model.Init(c.Seed)
	t.adam = NewAdamW(t.Model)
	micro := c.Train.MicroBatch
	if t.step, err = t.Model.TrainStep(micro, task.SeqLen()); err != nil {
		return nil, err
	}
	n := c.Train.Batch * task.SeqLen()
	t.batch = tasks.Batch{B: c.Train.Batch, T: task.SeqLen(), Tokens: make([]int32, n), Targets: make([]int32, n)}
	return t, nil
}

// Reset takes the trainer back to the start of the run.
func (t *Trainer) Reset() {
	t.Model.Init(t.Config.Seed)
	for _, s := range t.Moments() {
		clear(s.F32)
		clear(s.BF16)
	}
	t.Step, t.Guard, t.Pending = 0, Guard{}, nil
}

// Steps is the length of a run: train.steps, or as many as it takes to see
// train.tokens_per_param tokens for each parameter of the model without its convolutions,
// so that all variants of a model see the same tokens.
func Steps(c *config.Config) int {
	if c.Train.Steps > 0 {
		return c.Train.Steps
	}
	n := arch.SpecOf(c).Count()
	tokens := c.Train.TokensPerParam * float64(n.Total-n.Conv)
	return max(1, int(math.Ceil(tokens/float64(c.Train.Batch*c.Task.SeqLen))))
}

// Stats is what one step saw.
type Stats struct {
	Step         int // counted from 1
	Tokens       int64
	Loss         float64 // mean over labelled positions, nats
	Accuracy     float64 // of labelled positions
	GradNorm     float64 // before clipping
	ConvGradNorm float64 // of the convolutions' parameters; 0 where there are none
	LR           float64
	Skipped      bool    // by the spike guard
	TokensPerS   float64 // of the training steps so far in this process
	Elapsed      time.Duration
}

// Next takes one optimizer step.
func (t *Trainer) Next() (Stats, error) {
	start := time.Now()
	s, err := t.next()
	t.elapsed += time.Since(start)
	if err != nil {
		return s, err
	}
	t.seen += int64(len(t.batch.Tokens))
	s.Elapsed = t.elapsed
	return s, nil
}

func (t *Trainer) next() (Stats, error) {
	tasks.Fill(t.Task, tasks.Train, uint64(t.Step), &t.batch)
	labelled := 0
	for _, y := range t.batch.Targets {
		if y != tasks.Ignore {
			labelled++
		}
	}
	s := Stats{Step: t.Step + 1, Tokens: int64(t.Step+1) * int64(len(t.batch.Tokens)), LR: LearningRate(t.Config.Optim, t.Step, t.Steps)}
	if labelled == 0 {
		return s, fmt.Errorf("train: step %d: the batch has no labelled position", s.Step)
	}
	sum, correct := 0.0, 0
	micro := t.step.B * t.step.T
	for at := 0; at < len(t.batch.Tokens); at += micro {
		copy(t.step.Tokens, t.batch.Tokens[at:])
		copy(t.step.Targets, t.batch.Targets[at:])
		t.step.Round = draws("gradients", t.Step) + uint64(at)
		if err := t.step.Run(1/float32(labelled), at > 0); err != nil {
			return s, err
		}
		sum += t.step.Loss.Sum
		correct += hits(t.step.Targets, t.step.Loss.Argmax)
	}
	s.Loss = sum / float64(labelled)
	s.Accuracy = float64(correct) / float64(labelled)
	return s, t.update(&s)
}

// update checks loss and gradient, clips and moves the weights, or skips the step.
func (t *Trainer) update(s *Stats) error {
	s.GradNorm, s.ConvGradNorm = GradNorm(t.Model)
	o := t.Config.Optim
	sum := s.Loss + s.GradNorm
	finite, guarded := !math.IsNaN(sum) && !math.IsInf(sum, 0), o.SpikeSigma > 0
	switch {
	case guarded && (!finite || t.Guard.spike(o.SpikeSigma, s.Loss)):
		s.Skipped = true
		t.Guard.Skips++
	case !finite:
		return fmt.Errorf("train: step %d: loss %v, gradient norm %v: %w; the weights were left as they are. Lower optim.lr or optim.clip, or raise optim.warmup", s.Step, s.Loss, s.GradNorm, ErrNotFinite)
	default:
		if guarded {
			t.Guard.see(s.Loss)
		}
		t.adam.Update(t.Model, o, s.LR, s.GradNorm, s.Step)
	}
	t.Step++
	return nil
}

// hits counts the labelled positions whose likeliest token is the target.
func hits(targets, argmax []int32) int {
	n := 0
	for i, y := range targets {
		if y != tasks.Ignore && argmax[i] == y {
			n++
		}
	}
	return n
}

// Profile switches timing by operator on or off; Times reads it.
func (t *Trainer) Profile(on bool) { t.step.Profile(on) }

// Times are the times that the operators took since Profile.
func (t *Trainer) Times() []graph.OpTime { return t.step.Times() }
