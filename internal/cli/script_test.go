package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts call dsconv: the test binary is the program then.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"dsconv": func() { os.Exit(Main(os.Args[1:])) },
	})
}

// TestScript runs testdata/script/*.txtar, one acceptance test each: a script of
// commands with what they must print and return, and the files they start from.
// A script runs in an empty folder in which configs is that of the repository.
// Beside the usual commands there is `exits CODE PROGRAM ARGS`.
// `go test ./internal/cli -run Script -update` writes cmp files again.
func TestScript(t *testing.T) {
	configs, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(e *testscript.Env) error {
			// What chooses the instruction set holds for scripts as well.
			e.Setenv("DSCONV_ISA", os.Getenv("DSCONV_ISA"))
			return os.Symlink(configs, filepath.Join(e.WorkDir, "configs"))
		},
	})
}

// exits runs a program and holds its exit code: exits 2 dsconv plan.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
