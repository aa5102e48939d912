//go:build unix

package config

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe in a file's place is refused at once: opening it would wait for its other end.
func TestPipe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pipe.yaml")
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "pipe.yaml: cannot be read: not a regular file") {
		t.Errorf("got %v", err)
	}
}
