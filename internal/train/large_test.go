package train

import (
	"math"
	"runtime/debug"
	"testing"

	"dsconv/internal/config"
	"dsconv/internal/kernels"
)

// TestTrains150M takes true steps with a model of the study, as its cpu profile has
// it but for one sequence a step instead of four: on a repeated batch the loss falls.
func TestTrains150M(t *testing.T) {
	if testing.Short() || kernels.ActiveISA() == kernels.ISAGo {
		t.Skip("3 GiB of memory and 700 GFLOP are not short, and take minutes in plain Go")
	}
	c, err := config.Load("../../configs/150m-dyn.yaml", config.WithProfile("cpu"),
		config.WithSet([]string{"train.steps=3", "train.batch=1", "train.micro_batch=1", "task.train_examples=1"}))
	if err != nil {
		t.Fatal(err)
	}
	defer debug.FreeOSMemory()
	tr, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	last := math.Inf(1)
	for range 3 {
		s, err := tr.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !(s.Loss < last) {
			t.Errorf("step %d: loss %v, before it %v", s.Step, s.Loss, last)
		}
		last = s.Loss
	}
}
