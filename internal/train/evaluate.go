package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/tasks"
)

// Evaluation is what a model does on examples it was not trained on.
type Evaluation struct {
	Examples int     `json:"examples"`
	Labelled int     `json:"labelled"`
	Loss     float64 `json:"loss"`     // nats, mean over labelled positions
	Accuracy float64 `json:"accuracy"` // of labelled positions, averaged per example, as Zoology does
	Solved   float64 `json:"solved"`   // share of examples with every labelled position right
	Oracle   float64 `json:"oracle"`   // loss of the generator itself; NaN, and not in JSON, where the task has none

	// Accuracy by kind of label, where the task tells kinds apart, in order.
	GroupName string  `json:"group_name,omitempty"`
	Groups    []Group `json:"groups,omitempty"`
}

// Group is the labels of one kind.
type Group struct {
	Group    int     `json:"group"`
	Labelled int     `json:"labelled"`
	Accuracy float64 `json:"accuracy"`
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
	return evaluate(m, task, split, n, b, func() bool { return false })
}

// Evaluable says why a model that c trained cannot be evaluated on a task like its own
// with other settings; nil: it can.
func Evaluable(task config.Task, c *config.Config) error {
	if err := task.Validate(); err != nil {
		return err
	}
	if c.Model.Position == "learned" && task.SeqLen > c.Task.SeqLen {
		return fmt.Errorf("the model has learned positions for %d tokens only", c.Task.SeqLen)
	}
	return nil
}

// EvaluateOn evaluates a model that c trained on about n examples of the test split of a
// task, in batches with as many tokens as those it was trained on.
func EvaluateOn(task config.Task, c *config.Config, m *arch.Model, n int) (Evaluation, error) {
	t, err := tasks.New(task, c.Seed)
	if err != nil {
		return Evaluation{}, err
	}
	// A conditioning that reads another sequence of the batch needs two.
	return Evaluate(m, t, tasks.Test, n, max(2, c.Train.MicroBatch*c.Task.SeqLen/task.SeqLen))
}

// errStopped says that an evaluation was given up because stop said so.
var errStopped = errors.New("stopped")

// evaluate is Evaluate; it asks stop before each batch.
func evaluate(m *arch.Model, task tasks.Task, split tasks.Split, n, b int, stop func() bool) (Evaluation, error) {
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
	tally := groups{}
	// Whole batches only: a conditioning that reads a neighbour of the batch
	// then sees the same neighbours however the examples are counted.
	for i := range (n + b - 1) / b {
		if stop() {
			return e, errStopped
		}
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
			tally.add(task, step.Tokens[at:at+t], step.Targets[at:at+t], step.Loss.Argmax[at:at+t])
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
	e.GroupName, e.Groups = tally.of(task)
	return e, nil
}

// groups counts labels and right answers by kind.
type groups map[int]*Group

// add counts an example of a task that tells kinds apart.
func (g groups) add(task tasks.Task, tokens, targets, argmax []int32) {
	kinds, ok := task.(tasks.Grouped)
	if !ok {
		return
	}
	for i, y := range targets {
		if y == tasks.Ignore {
			continue
		}
		kind := kinds.Group(tokens, i)
		if g[kind] == nil {
			g[kind] = &Group{Group: kind}
		}
		g[kind].Labelled++
		if argmax[i] == y {
			g[kind].Accuracy++
		}
	}
}

// of lists the kinds in order.
func (g groups) of(task tasks.Task) (name string, list []Group) {
	for _, kind := range slices.Sorted(maps.Keys(g)) {
		one := *g[kind]
		one.Accuracy /= float64(one.Labelled)
		list = append(list, one)
	}
	if kinds, ok := task.(tasks.Grouped); ok {
		name = kinds.GroupName()
	}
	return name, list
}
