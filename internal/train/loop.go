package train

import (
	"math"
	"slices"
)

// Observer is told what happens, and may ask for an end.
type Observer interface {
	// Stepped follows every step. eval is nil unless the step was evaluated;
	// last is set after the run's last step. An error ends the loop.
	Stepped(s Stats, eval *Evaluation, last bool) error
	// Stop says whether to end after this step, as a signal may ask.
	Stop() bool
}

// Run trains to the end: train.steps, train.target_accuracy on the validation
// split, or an Observer's Stop. It reports whether the run is complete.
func (t *Trainer) Run(o Observer) (complete bool, err error) {
	for t.Step < t.Steps {
		s, err := t.Next()
		if err != nil {
			return false, err
		}
		last := t.Step == t.Steps
		var eval *Evaluation
		if every := t.Config.Train.EvalEvery; last || every > 0 && t.Step%every == 0 {
			e, err := t.Evaluate()
			if err != nil {
				return false, err
			}
			eval = &e
			if target := t.Config.Train.TargetAccuracy; target > 0 && e.Accuracy >= target {
				last = true
			}
		}
		s.TokensPerS = float64(t.seen) / math.Max(t.elapsed.Seconds(), 1e-9)
		if err := o.Stepped(s, eval, last); err != nil {
			return false, err
		}
		if last {
			return true, nil
		}
		if o.Stop() {
			return false, nil
		}
	}
	return true, nil
}

// State is all that a run needs to go on: tensors by name, in a fixed order.
type State struct {
	Name  string
	Shape []int
	Data  []float32
}

// Weights are the model's parameters.
func (t *Trainer) Weights() []State {
	return t.states("", t.Model.Weights)
}

// Moments are AdamW's two moments, named m.PARAMETER and v.PARAMETER.
func (t *Trainer) Moments() []State {
	return slices.Concat(t.states("m.", t.adam.m), t.states("v.", t.adam.v))
}

func (t *Trainer) states(prefix string, all []float32) []State {
	var out []State
	for _, p := range t.Model.Params {
		out = append(out, State{Name: prefix + p.Name, Shape: p.Shape(), Data: p.In(all)})
	}
	return out
}
