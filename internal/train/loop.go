package train

import (
	"errors"
	"fmt"
	"math"

	"dsconv/internal/arch"
	"dsconv/internal/kernels"
	"dsconv/internal/tasks"
)

// Observer is told what happens, and may ask for an end.
type Observer interface {
	// Stepped follows every step. eval is nil unless the step was evaluated;
	// last is set after the run's last step. An error ends the loop.
	Stepped(s Stats, eval *Evaluation, last bool) error
	// Stop says whether to end now, as a signal may ask. It is asked after every
	// step and before every batch of an evaluation.
	Stop() bool
}

// Run trains to the end: train.steps, train.target_accuracy on the validation
// split, or an Observer's Stop. It reports whether the run is complete, which none is
// whose validation loss is not finite. A stop
// during an evaluation leaves the step's Stats in Pending; the evaluation is done
// when the run goes on. A run that has skipped too many steps never completes at its
// last one, also when it goes on from there.
func (t *Trainer) Run(o Observer) (complete bool, err error) {
	for t.Pending != nil || t.Step < t.Steps {
		var s Stats
		if t.Pending != nil {
			s, t.Pending = *t.Pending, nil
		} else if s, err = t.Next(); err != nil {
			return false, err
		}
		stuck := t.stuck()
		last := t.Step == t.Steps
		eval, err := t.evaluateIfDue(last, o)
		if errors.Is(err, errStopped) {
			t.Pending = &s
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if !stuck && eval != nil && (math.IsNaN(eval.Loss) || math.IsInf(eval.Loss, 0)) {
			t.Pending = &s // nor does it pass when somebody goes on
			return false, fmt.Errorf("train: step %d: validation loss %v: %w; the weights are past use. Begin again with a lower optim.lr or optim.clip", s.Step, eval.Loss, ErrNotFinite)
		}
		if target := t.Config.Train.TargetAccuracy; eval != nil && target > 0 && eval.Accuracy >= target {
			last = true
		}
		last = last && !stuck
		s.TokensPerS = float64(t.seen) / math.Max(t.elapsed.Seconds(), 1e-9)
		if err := o.Stepped(s, eval, last); err != nil {
			return false, err
		}
		switch {
		case stuck:
			return false, t.skipsError(fmt.Sprintf(", the last with loss %v", s.Loss))
		case last:
			return true, nil
		case o.Stop():
			return false, nil
		}
	}
	if t.stuck() { // at the last step, and somebody goes on
		return false, t.skipsError("")
	}
	return true, nil
}

// stuck says that the guard has skipped as many steps in a row as it may.
func (t *Trainer) stuck() bool {
	return t.Guard.Skips > 0 && t.Guard.Skips >= t.Config.Optim.MaxSkips
}

func (t *Trainer) skipsError(last string) error {
	return fmt.Errorf("train: step %d: %w: %d in a row%s. Lower optim.lr, or raise optim.spike_sigma or optim.max_skips", t.Step, ErrSkips, t.Guard.Skips, last)
}

// evaluateIfDue evaluates after the last step and every train.eval_every steps.
func (t *Trainer) evaluateIfDue(last bool, o Observer) (*Evaluation, error) {
	c := t.Config.Train
	if !last && (c.EvalEvery == 0 || t.Step%c.EvalEvery != 0) {
		return nil, nil
	}
	e, err := evaluate(t.Model, t.Task, tasks.Valid, c.EvalBatches*c.Batch, t.step.B, o.Stop)
	return &e, err
}

// State is one tensor of what a run needs to go on, in a fixed order.
type State struct {
	Name  string
	Shape []int
	kernels.Narrow
}

// Weights are the parameters of the model being trained.
func (t *Trainer) Weights() []State { return Weights(t.Model) }

// Weights are a model's parameters.
func Weights(m *arch.Model) []State {
	var out []State
	for _, p := range m.Params {
		out = append(out, State{p.Name, p.Shape(), kernels.Narrow{F32: p.Data}})
	}
	return out
}

// Moments are AdamW's two moments, named m.PARAMETER and v.PARAMETER.
func (t *Trainer) Moments() []State {
	var m, v []State
	for i, p := range t.Model.Params {
		m = append(m, State{"m." + p.Name, p.Shape(), t.adam.m[i]})
		v = append(v, State{"v." + p.Name, p.Shape(), t.adam.v[i]})
	}
	return append(m, v...)
}
