package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dsconv/internal/config"
)

// CheckName refuses run names that could leave the run root or surprise a shell.
func CheckName(name string) error {
	if !config.ValidName(name) {
		return refusef("runs: run name %q: use 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit", name)
	}
	return nil
}

// makeDir creates a run directory below its root, and the root where it is
// missing, durably. A directory that is there is left as it is.
func makeDir(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	if err := CheckName(filepath.Base(dir)); err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeAncestors(parent); err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	root, err := os.OpenRoot(parent)
	if err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	defer root.Close()
	disk := diskFS{root}
	err = disk.Mkdir(filepath.Base(dir))
	if err == nil {
		err = disk.SyncDir(".")
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("runs: %w", err)
	}
	return nil
}

// makeAncestors creates missing directories from the top down and syncs the
// directory that each was entered in.
func makeAncestors(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeAncestors(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
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
