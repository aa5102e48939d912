package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	lockFile = "lock"
	// patience is how long a taken lock is tried again before the process is
	// refused: whoever asks for a run's state holds its lock for a moment, too.
	patience = 400 * time.Millisecond
	retry    = 20 * time.Millisecond
)

// Holder is the process that works on a run.
type Holder struct {
	Host string `json:"host"`
	PID  int    `json:"pid"`
}

// InUseError says who holds a run directory.
type InUseError struct {
	Dir    string
	Holder Holder // zero if it has not said so yet
}

func (e *InUseError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("runs: %s is in use by another process; wait for it, or stop it", e.Dir)
	}
	return fmt.Sprintf("runs: %s is in use by process %d on host %s; wait for it, or stop it", e.Dir, e.Holder.PID, e.Holder.Host)
}

// acquire locks a run directory for this process. The operating system frees the
// lock with the process, however it ends; the file stays, for removing it would
// let two processes hold different files of that name.
func acquire(dir string, disk diskFS) (*flock.Flock, error) {
	// Through the root first, which refuses a link that leads out. The lock opens the
	// name once more: a link that is put there in between is followed, but then at
	// most an empty file is made at its end. What is written goes through the root.
	if f, err := disk.Append(lockFile); err != nil {
		return nil, fmt.Errorf("runs: lock: %w", err)
	} else {
		f.Close()
	}
	l := flock.New(filepath.Join(disk.root.Name(), lockFile))
	for deadline := time.Now().Add(patience); ; time.Sleep(retry) {
		ok, err := l.TryLock()
		if err != nil {
			return nil, fmt.Errorf("runs: lock: %w", err)
		}
		if ok {
			break
		}
		if time.Now().After(deadline) {
			return nil, &InUseError{dir, holder(disk)}
		}
	}
	return l, nil
}

// hold says in the lock who holds it.
func hold(f FS) error {
	host, _ := os.Hostname() // only to tell people
	data, err := json.Marshal(Holder{host, os.Getpid()})
	if err != nil {
		return fmt.Errorf("runs: lock: %w", err)
	}
	w, err := f.Create(lockFile)
	if err == nil {
		_, err = w.Write(append(data, '\n'))
		w.Close()
	}
	if err != nil {
		return fmt.Errorf("runs: lock: %w", err)
	}
	return nil
}

// holder reads who holds the lock; zero where the file does not say.
func holder(disk FS) (h Holder) {
	data, err := readFile(disk, lockFile, 4096)
	if err != nil || json.Unmarshal(data, &h) != nil {
		return Holder{}
	}
	return h
}

// isLock says whether the file called lock is one of ours, which a crash may have
// emptied.
func isLock(f FS) bool {
	data, err := readFile(f, lockFile, 4096)
	return err == nil && (len(bytes.Trim(data, "\x00")) == 0 || holder(f).PID > 0)
}

// locked says whether a process holds the run's lock. It writes nothing.
func locked(disk diskFS) (bool, error) {
	r, err := disk.Open(lockFile)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("runs: lock: %w", err)
	}
	r.Close()
	l := flock.New(filepath.Join(disk.root.Name(), lockFile), flock.SetFlag(os.O_RDONLY))
	free, err := l.TryRLock()
	if err != nil {
		return false, fmt.Errorf("runs: lock: %w", err)
	}
	l.Close()
	return !free, nil
}
