package runs

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dsconv/internal/config"
)

// Info is what can be seen of a run without working on it.
type Info struct {
	Dir     string
	State   State
	Config  *config.Config
	Record  Record
	Started time.Time
	Last    *Metric  // newest line of the metrics; nil before the first step
	Eval    *Eval    // newest evaluation; nil before the first
	Failure *Failure // why the run stopped by itself
	Damage  error    // of the record: what Record has is what the newest checkpoint knows
	Err     error    // what of the directory could not be read; the rest is set
}

// Read looks at one run directory.
func Read(dir string) (Info, error) {
	info := Info{Dir: dir}
	disk, err := openDir(dir)
	if err != nil {
		return info, err
	}
	defer disk.root.Close()
	if info.Record, info.Damage, err = recordOrKnown(disk); err != nil {
		return info, fmt.Errorf("runs: %s: %w", dir, err)
	}
	info.Started = info.Record.Started
	if info.Config, err = readConfig(disk); err != nil {
		return info, fmt.Errorf("runs: %s: %s: %w", dir, resolvedFile, err)
	}
	if info.State, err = stateOf(disk); err != nil {
		return info, err
	}
	if err := info.results(disk); err != nil {
		return info, fmt.Errorf("runs: %s: %w", dir, err)
	}
	return info, nil
}

// results reads the end of the run: the summary of a run that is done spares
// reading all of its metrics.
func (i *Info) results(disk FS) (err error) {
	if i.State == StateDone {
		s, err := readSummary(disk)
		if err != nil || s == nil {
			return err
		}
		i.Last, i.Eval = &s.Metric, s.Eval
		return nil
	}
	if i.Failure, err = readMarker[Failure](disk, failedFile); err != nil {
		return err
	}
	return scanMetrics(disk, math.MaxInt64, func(m Metric) {
		i.Last = &m
		if m.Eval != nil {
			i.Eval = m.Eval
		}
	})
}

// Identities are those of the run in a directory: by its record, or what its newest
// checkpoint knows of it, and by the configuration in it. One that cannot be read is
// left out: Open mends that, or says what is wrong.
func Identities(dir string) (list []string) {
	disk, err := openDir(dir)
	if err != nil {
		return nil
	}
	defer disk.root.Close()
	if r, _, err := recordOrKnown(disk); err == nil {
		list = append(list, r.Identity)
	}
	if c, err := readConfig(disk); err == nil {
		list = append(list, c.Hash())
	}
	return list
}

// maxDepth is how deep below the root a run may lie: runs/reproduce/sweep/run.
const maxDepth = 4

// List finds the runs below root, oldest first. A run or folder below it that cannot
// be read is listed with its Err, and a root that does not exist has none.
func List(root string) ([]Info, error) {
	root = filepath.Clean(root)
	var out []Info
	var walk func(dir string, depth int) error
	walk = func(dir string, depth int) error {
		list, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) { // below root: it was removed meanwhile
			return nil
		}
		if err != nil {
			return fmt.Errorf("runs: %w", err)
		}
		if slices.ContainsFunc(list, func(e os.DirEntry) bool { return e.Name() == recordFile }) {
			info, err := Read(dir)
			info.Err = err
			out = append(out, info)
			return nil
		}
		for _, e := range list {
			if below := filepath.Join(dir, e.Name()); e.IsDir() && depth < maxDepth {
				if err := walk(below, depth+1); err != nil {
					out = append(out, Info{Dir: below, Err: err})
				}
			}
		}
		return nil
	}
	if err := walk(root, 0); err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b Info) int { return a.Started.Compare(b.Started) })
	return out, nil
}

// ErrNone says that no run matches.
var ErrNone = errors.New("no such run")

// Newest is the run below root that was started last of those that filter takes.
func Newest(root string, filter func(Info) bool) (Info, error) {
	list, err := List(root)
	if err != nil {
		return Info{}, err
	}
	for _, info := range slices.Backward(list) {
		if info.Err == nil && filter(info) {
			return info, nil
		}
	}
	return Info{}, fmt.Errorf("runs: %s: %w", root, ErrNone)
}
