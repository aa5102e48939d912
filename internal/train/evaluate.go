package train

import (
	"encoding/json"
	"fmt"
	"math"

	"dsconv/internal/arch"
	"dsconv/internal/tasks"
)

// Evaluation is what a model does on examples it was not trained on.
type Evaluation struct {
	Examples int     `json:"examples"`
	Labelled int     `json:"labelled"`
	Loss     float64 `json:"loss"`     // nats, mean over labelled positions
	Accuracy float64 `json:"accuracy"` // of labelled positions, averaged per example (paper §3.2)
	Solved   float64 `json:"solved"`   // share of examples with every labelled position right
	Oracle   float64 `json:"oracle"`   // loss of the generator itself; NaN, and not in JSON, where the task has none
}

// MarshalJSON leaves out an oracle that is not there: JSON has no NaN.
func (e Evaluation) MarshalJSON() ([]byte, error) {
	type plain Evaluation
	out := struct {
		plain
		Oracle *float64 `json:"oracle,omitempty"`
	}{plain: plain(e)}
	if !math.IsNaN(e.Oracle) {
		out.Oracle = &e.Oracle
	}
	return json.Marshal(out)
}

// Evaluate runs the model on n examples of a split, from the first on, b at a time.
func Evaluate(m *arch.Model, task tasks.Task, split tasks.Split, n, b int) (Evaluation, error) {
	t := task.SeqLen()
	b = min(b, n)
	step, err := m.EvalStep(b, t)
	if err != nil {
		return Evaluation{}, err
	}
	e := Evaluation{Oracle: math.NaN()}
	oracle, known := task.(tasks.Oracle)
	var sum, accuracy, floor float64
	floorLabels := 0
	// Whole batches only: a conditioning that reads a neighbour of the batch
	// then sees the same neighbours however the examples are counted.
	for i := range (n + b - 1) / b {
		batch := tasks.Batch{B: b, T: t, Tokens: step.Tokens, Targets: step.Targets}
		tasks.Fill(task, split, uint64(i), &batch)
		if err := step.Run(1, false); err != nil {
			return e, err
		}
		sum += step.Loss.Sum
		e.Labelled += step.Loss.Labelled
		for row := range b {
			at := row * t
			labels := 0
			for _, y := range step.Targets[at : at+t] {
				if y != tasks.Ignore {
					labels++
				}
			}
			right := hits(step.Targets[at:at+t], step.Loss.Argmax[at:at+t])
			if labels > 0 {
				accuracy += float64(right) / float64(labels)
			}
			if right == labels {
				e.Solved++
			}
			if known {
				nats, labelled := oracle.OracleLoss(split, uint64(i*b+row))
				floor += nats * float64(labelled)
				floorLabels += labelled
			}
			e.Examples++
		}
	}
	if e.Labelled == 0 {
		return e, fmt.Errorf("train: evaluate: task %s gave no labelled position in %d examples", task.Name(), e.Examples)
	}
	e.Loss = sum / float64(e.Labelled)
	e.Accuracy = accuracy / float64(e.Examples)
	e.Solved /= float64(e.Examples)
	if known && floorLabels > 0 {
		e.Oracle = floor / float64(floorLabels)
	}
	return e, nil
}

// Evaluate runs the model being trained on the validation split.
func (t *Trainer) Evaluate() (Evaluation, error) {
	b := t.step.B
	return Evaluate(t.Model, t.Task, tasks.Valid, t.Config.Train.EvalBatches*t.Config.Train.Batch, b)
}
