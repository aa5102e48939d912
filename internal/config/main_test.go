package config

import (
	"os"
	"strings"
	"testing"
)

// TestMain frees the tests from settings of whoever runs them.
func TestMain(m *testing.M) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, envPrefix) {
			os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}
