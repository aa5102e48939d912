package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dsconv/internal/config"
)

// hollow makes a file that has a size, and takes no room on the disk.
func hollow(t *testing.T, size int64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hollow.txt")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFits: what is refused is told the keys that would make it fit, and fits with
// them.
func TestFits(t *testing.T) {
	load := func(set ...string) *config.Config {
		c, err := config.Load("../../configs/2b-dyn.yaml", config.WithSet(append([]string{"task.seq_len=512", "train.batch=4", "train.micro_batch=4", "memory.recompute=none"}, set...)))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := fits(load(), 0); err != nil {
		t.Errorf("a system that does not say: %v", err)
	}
	if err := fits(load(), 1<<40); err != nil {
		t.Errorf("a terabyte: %v", err)
	}
	err := fits(load(), 20<<30)
	if err == nil {
		t.Fatal("2b in 20 GiB is not refused")
	}
	_, advice, ok := strings.Cut(err.Error(), "It fits with ")
	if !ok || exitCode(err) != exitUsage || !strings.Contains(err.Error(), "optimizer moments 13.7 GiB") {
		t.Fatalf("got: %v", err)
	}
	var set []string
	for _, word := range strings.Fields(advice) {
		if word != "--set" {
			set = append(set, word)
		}
	}
	if err := fits(load(set...), 20<<30); err != nil {
		t.Errorf("with %v: %v", set, err)
	}
	// A corpus counts before it is read.
	err = fits(load("task.kind=text", "task.files=["+hollow(t, 3<<40)+"]"), 1<<40)
	if err == nil || !strings.Contains(err.Error(), "the largest parts are text corpus 3072.0 GiB,") || !strings.Contains(err.Error(), "fewer task.files") {
		t.Errorf("a corpus of 3 TiB in 1 TiB: %v", err)
	}
	if err := fits(load(), 4<<30); err == nil || !strings.Contains(err.Error(), "Even with") {
		t.Errorf("2b in 4 GiB: %v", err)
	}
}
