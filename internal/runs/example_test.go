package runs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dsconv/internal/config"
	"dsconv/internal/runs"
	"dsconv/internal/train"
)

// stopAfter is a Watcher that stops a run after a number of steps, as a signal
// would.
type stopAfter struct{ steps, taken int }

func (s *stopAfter) Started(from, steps int)  { fmt.Printf("from step %d of %d\n", from, steps) }
func (s *stopAfter) Stepped(runs.Metric)      { s.taken++ }
func (s *stopAfter) Saved(int, time.Duration) {}
func (s *stopAfter) Stop() bool               { return s.taken == s.steps }

func Example() {
	root, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(root)
	file := filepath.Join(root, "c.yaml")
	if err := os.WriteFile(file, []byte("train: {steps: 5, batch: 4, eval_batches: 1}\n"), 0o600); err != nil {
		panic(err)
	}
	c, err := config.Load(file)
	if err != nil {
		panic(err)
	}
	dir := filepath.Join(root, "example")
	work := func(w runs.Watcher) error {
		r, err := runs.Open(dir, c, runs.Options{Resume: true})
		if err != nil {
			return err
		}
		defer r.Close()
		t, err := train.New(c)
		if err != nil {
			return err
		}
		return r.Train(t, w)
	}
	fmt.Println(errors.Is(work(&stopAfter{steps: 2}), runs.ErrInterrupted))
	fmt.Println(runs.StateOf(dir))
	fmt.Println(work(&stopAfter{}))
	info, err := runs.Read(dir)
	fmt.Println(info.State, info.Last.Step, err)
	// Output:
	// from step 0 of 5
	// true
	// interrupted <nil>
	// from step 2 of 5
	// <nil>
	// done 5 <nil>
}
