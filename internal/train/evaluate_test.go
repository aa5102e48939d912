package train

import (
	"math"
	"slices"
	"testing"

	"dsconv/internal/config"
	"dsconv/internal/tasks"
)

// trainerOf is a trainer of a small model on a task with other settings.
func trainerOf(t *testing.T, change func(*config.Config)) *Trainer {
	t.Helper()
	c := small()
	change(c)
	tr, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestEvaluationByHand computes what an evaluation says from the logits of each example.
// Examples of noisy recall have from one label to seven.
func TestEvaluationByHand(t *testing.T) {
	tr := trainerOf(t, func(c *config.Config) {
		c.Task.Kind, c.Task.Vocab, c.Task.NoiseTokens, c.Task.NoiseFraction = "mad-noisy", 8, 4, 0.8
		c.Optim.LR = 0.01
	})
	for range 20 { // to get some right
		if _, err := tr.Next(); err != nil {
			t.Fatal(err)
		}
	}
	const n = 32
	got, err := Evaluate(tr.Model, tr.Task, tasks.Valid, n, 4)
	if err != nil {
		t.Fatal(err)
	}
	step, err := tr.Model.Look(1, tr.Task.SeqLen())
	if err != nil {
		t.Fatal(err)
	}
	want := Evaluation{Examples: n}
	sum, partly := 0.0, 0
	for i := range uint64(n) {
		tr.Task.Example(tasks.Valid, i, step.Tokens, step.Targets)
		if err := step.Run(1, false); err != nil {
			t.Fatal(err)
		}
		right, labels := 0, 0
		for at, y := range step.Targets {
			if y == tasks.Ignore {
				continue
			}
			labels++
			logits := step.Logits[at*tr.Model.Spec.Vocab:][:tr.Model.Spec.Vocab]
			if slices.Index(logits, slices.Max(logits)) == int(y) {
				right++
			}
			total := 0.0
			for _, l := range logits {
				total += math.Exp(float64(l - logits[y]))
			}
			sum += math.Log(total)
		}
		want.Labelled += labels
		want.Accuracy += float64(right) / float64(labels) / n
		if right == labels {
			want.Solved += 1. / n
		} else if right > 0 {
			partly++
		}
	}
	want.Loss = sum / float64(want.Labelled)
	if partly == 0 || want.Solved == 0 || want.Labelled == n {
		t.Fatalf("too plain a case: %d examples are right in part, %+v", partly, want)
	}
	if got.Examples != n || got.Labelled != want.Labelled || math.Abs(got.Loss-want.Loss) > 1e-5 || math.Abs(got.Accuracy-want.Accuracy) > 1e-9 || math.Abs(got.Solved-want.Solved) > 1e-9 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.GroupName != "" || got.Groups != nil || !math.IsNaN(got.Oracle) {
		t.Errorf("a task without kinds of labels or an oracle: %+v", got)
	}
}

// The oracle of an evaluation is that of the very documents that were evaluated.
func TestEvaluationOracle(t *testing.T) {
	tr := trainerOf(t, func(c *config.Config) { c.Task.Kind = "language" })
	for _, split := range []tasks.Split{tasks.Valid, tasks.Test} {
		e, err := Evaluate(tr.Model, tr.Task, split, 12, 4)
		if err != nil {
			t.Fatal(err)
		}
		want := 0.0
		for i := range uint64(12) {
			nats, _ := tr.Task.(tasks.Oracle).OracleLoss(split, i)
			want += nats / 12
		}
		if math.Abs(e.Oracle-want) > 1e-9 {
			t.Errorf("%v: oracle %v, want %v", split, e.Oracle, want)
		}
	}
}

// Training reads the training split, batch after batch, what is evaluated meanwhile the
// validation split, and what is told in the end the test split.
func TestSplits(t *testing.T) {
	tr := trainerOf(t, func(c *config.Config) { c.Train.EvalBatches = 2 })
	c := tr.Config
	loss := func(split tasks.Split, examples int) float64 {
		t.Helper()
		e, err := Evaluate(tr.Model, tr.Task, split, examples, c.Train.Batch)
		if err != nil {
			t.Fatal(err)
		}
		return e.Loss
	}
	valid, err := tr.evaluateIfDue(true, &watch{})
	if err != nil {
		t.Fatal(err)
	}
	test, err := EvaluateOn(c.Task, c, tr.Model, 8)
	if err != nil {
		t.Fatal(err)
	}
	if valid.Examples != 8 || valid.Loss != loss(tasks.Valid, 8) || math.Abs(test.Loss-loss(tasks.Test, 8)) > 1e-6 {
		t.Errorf("valid %+v, test %+v", valid, test)
	}
	if a, b := loss(tasks.Valid, 8), loss(tasks.Test, 8); math.Abs(a-b) < 1e-4 {
		t.Fatalf("the splits have losses %v and %v: nothing tells them apart", a, b)
	}
	for i := range 3 {
		all, before := float64(i+1)*loss(tasks.Train, (i+1)*c.Train.Batch), 0.0
		if i > 0 {
			before = float64(i) * loss(tasks.Train, i*c.Train.Batch)
		}
		s, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(s.Loss-(all-before)) > 1e-5 || s.Tokens != int64((i+1)*c.Train.Batch*c.Task.SeqLen) {
			t.Errorf("step %d: loss %v of the batch, after %d tokens; batch %d of the training split has %v", s.Step, s.Loss, s.Tokens, i, all-before)
		}
	}
}
