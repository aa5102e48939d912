package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// State is where a run stands. It is never stored: it follows from what lies in
// the directory and from who holds its lock.
type State string

// The states of a run.
const (
	StatePending     State = "pending"     // no directory, or nothing in it yet
	StateRunning     State = "running"     // a process holds the lock
	StateDone        State = "done"        // complete
	StateFailed      State = "failed"      // stopped by itself; FAILED says why
	StateInterrupted State = "interrupted" // stopped from outside; --resume goes on
)

// StateOf looks at a run directory, which need not exist.
func StateOf(dir string) (State, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return StatePending, nil
	}
	disk, err := openDir(dir)
	if err != nil {
		return "", err
	}
	defer disk.root.Close()
	return stateOf(disk)
}

func stateOf(disk diskFS) (State, error) {
	if busy, err := locked(disk); err != nil {
		return "", err
	} else if busy {
		return StateRunning, nil
	}
	// A marker of the end that was damaged is none: resuming writes it again.
	done, err := readSummary(disk)
	if err != nil && !errors.Is(err, errChanged) {
		return "", fmt.Errorf("runs: %w", err)
	}
	if err == nil && done != nil {
		return StateDone, nil
	}
	for _, s := range []struct {
		file  string
		state State
	}{{failedFile, StateFailed}, {recordFile, StateInterrupted}} {
		ok, err := exists(disk, s.file)
		if err != nil {
			return "", fmt.Errorf("runs: %w", err)
		}
		if ok {
			return s.state, nil
		}
	}
	// A run whose record is lost has what its newest checkpoint knows.
	known, err := newestManifest(disk)
	if err != nil {
		return "", fmt.Errorf("runs: %w", err)
	}
	if known.Step > 0 {
		return StateInterrupted, nil
	}
	return StatePending, nil
}

// exists says whether there is a file of that name.
func exists(f FS, name string) (bool, error) {
	r, err := f.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, r.Close()
}
