package cli

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"dsconv/internal/kernels"
)

// A run that shared the machine with others is looked at with all threads.
func TestTrainedHasAllThreads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	var said bytes.Buffer
	f := &Factory{Out: io.Discard, Err: &said}
	args := []string{"train", "--quiet", "--config", "../../configs/tiny-dyn.yaml", "--set", "train.steps=1", "--set", "threads=1", "--run-dir", dir}
	if code := f.run(NewRoot(f), args); code != 0 {
		t.Fatalf("exit code %d: %s", code, said.String())
	}
	kernels.SetThreads(2)
	defer kernels.SetThreads(0)
	if _, err := f.openEval(dir, false); err != nil || kernels.Threads() != 2 {
		t.Errorf("%d threads, %v", kernels.Threads(), err)
	}
}
