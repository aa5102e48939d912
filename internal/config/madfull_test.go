package config

import (
	"fmt"
	"strings"
	"testing"
)

// The full sweep of MAD is the benchmark: so many settings of each task, each once, as
// one change of the task's baseline at most, trained for 200 epochs at three learning
// rates with and without weight decay (athms/mad-lab at 0f49a45).
func TestMADBenchmark(t *testing.T) {
	s, err := LoadSweep("../../configs/sweeps/mad-full.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Expand()
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]Task{}
	seen := map[string]string{}
	tunings := map[string]int{}
	for _, j := range jobs {
		if j.Variant != "base" {
			continue
		}
		c, name := j.Config, j.Axes[0].Value
		settings[name] = c.Task
		tunings[name]++
		if other, ok := seen[fmt.Sprint(c.Task)]; ok && other != name {
			t.Errorf("%s and %s are the same", name, other)
		}
		seen[fmt.Sprint(c.Task)] = name
		if c.Train.Batch != 128 || 128*c.Train.Steps != 200*c.Task.TrainExamples {
			t.Errorf("%s: %d steps of %d are not 200 epochs of %d", name, c.Train.Steps, c.Train.Batch, c.Task.TrainExamples)
		}
		if c.Train.Batch*c.Train.EvalBatches != 1280 {
			t.Errorf("%s is tested on %d sequences", name, c.Train.Batch*c.Train.EvalBatches)
		}
	}
	count := map[string]int{}
	for name, task := range settings {
		if tunings[name] != 6 {
			t.Errorf("%s: %d runs", name, tunings[name])
		}
		count[task.Kind]++
		base := settings[strings.TrimPrefix(task.Kind, "mad-")]
		changes := 0
		for _, differs := range []bool{task.Vocab != base.Vocab, task.SeqLen != base.SeqLen, task.TrainExamples != base.TrainExamples, task.NoiseFraction != base.NoiseFraction, task.CopyTokens != base.CopyTokens} {
			if differs {
				changes++
			}
		}
		if base.Kind != task.Kind || changes > 1 || (changes == 0) != (name == strings.TrimPrefix(task.Kind, "mad-")) {
			t.Errorf("%s: %d changes of %+v", name, changes, base)
		}
	}
	want := "map[mad-compress:11 mad-copy:13 mad-fuzzy:11 mad-memorize:6 mad-noisy:14 mad-recall:11]"
	if got := fmt.Sprint(count); got != want || len(settings) != 66 {
		t.Errorf("%d settings: %s", len(settings), got)
	}
}
