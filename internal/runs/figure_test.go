package runs

import (
	"fmt"
	"os"
	"testing"
)

// figure logs what a test measured, and adds it to the file that DSCONV_FIGURES
// names: go test does not show the logs of tests that pass.
func figure(t *testing.T, format string, args ...any) {
	t.Helper()
	text := fmt.Sprintf(format, args...)
	t.Log(text)
	name := os.Getenv("DSCONV_FIGURES")
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	check(t, err)
	_, err = fmt.Fprintf(f, "%s: %s\n", t.Name(), text)
	check(t, err)
	check(t, f.Close())
}
