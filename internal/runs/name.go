package runs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName refuses run names that could leave the run root or surprise a shell.
func CheckName(name string) error {
	if !nameRule.MatchString(name) {
		return refusef("runs: run name %q: use 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit", name)
	}
	return nil
}

// makeDir creates a run directory below its root, and the root where it is
// missing, durably. It reports whether the run directory is new.
func makeDir(dir string) (fresh bool, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return false, fmt.Errorf("runs: %w", err)
	}
	if err := CheckName(filepath.Base(dir)); err != nil {
		return false, err
	}
	parent := filepath.Dir(dir)
	if err := makeAncestors(parent); err != nil {
		return false, fmt.Errorf("runs: %w", err)
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return false, fmt.Errorf("runs: %w", err)
	}
	defer root.Close()
	disk := diskFS{root}
	switch err := disk.Mkdir(filepath.Base(dir)); {
	case err == nil:
		fresh = true
	case !os.IsExist(err):
		return false, fmt.Errorf("runs: %w", err)
	}
	if fresh {
		if err := disk.SyncDir("."); err != nil {
			return false, fmt.Errorf("runs: %w", err)
		}
	}
	return fresh, nil
}

// makeAncestors creates missing directories from the top down and syncs the
// directory that each was entered in.
func makeAncestors(dir string) error {
	if _, err := os.Stat(dir); err == nil || !os.IsNotExist(err) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeAncestors(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// openDir opens an existing run directory, through the root it lies in, so that a
// link does not lead elsewhere.
func openDir(dir string) (diskFS, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return diskFS{}, fmt.Errorf("runs: %w", err)
	}
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return diskFS{}, fmt.Errorf("runs: %w", err)
	}
	defer parent.Close()
	root, err := parent.OpenRoot(filepath.Base(dir))
	if err != nil {
		return diskFS{}, fmt.Errorf("runs: %w", diskFS{parent}.full(err))
	}
	return diskFS{root}, nil
}
