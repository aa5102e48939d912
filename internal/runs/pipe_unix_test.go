//go:build unix

package runs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe in a file's place is refused at once: opening it would wait for its other end.
func TestPipes(t *testing.T) {
	const want = "not a regular file"
	for _, name := range []string{doneFile, metricsFile, lockFile, resolvedFile} {
		dir := filepath.Join(t.TempDir(), "run")
		if err := trainIn(dir, tiny(), &observer{stopAt: 4}); !errors.Is(err, ErrInterrupted) {
			t.Fatal(err)
		}
		_ = os.Remove(filepath.Join(dir, name)) // there is no DONE yet
		check(t, syscall.Mkfifo(filepath.Join(dir, name), 0o600))
		if list, err := List(dir); err != nil || len(list) != 1 || list[0].Err == nil || !strings.Contains(list[0].Err.Error(), want) {
			t.Errorf("%s: listed %+v, %v", name, list, err)
		}
		err := trainIn(dir, tiny(), &observer{})
		if healed := name == resolvedFile; healed != (err == nil) || !healed && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
