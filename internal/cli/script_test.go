package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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
// Beside the usual commands there are `exits CODE PROGRAM ARGS`, and `waitfor GLOB`,
// which waits until such a file exists, and `edit GLOB OLD NEW`, which replaces text
// in the first such file.
// `go test ./internal/cli -run Script -update` writes cmp files again.
func TestScript(t *testing.T) {
	p := scriptParams(t)
	p.Dir, p.UpdateScripts = "testdata/script", *update
	testscript.Run(t, p)
}

// scriptParams is the world of a script, without its place.
func scriptParams(t *testing.T) testscript.Params {
	configs, err := filepath.Abs("../../configs")
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "waitfor": waitfor, "edit": edit},
		Setup: func(e *testscript.Env) error {
			// What chooses the instruction set holds for scripts as well.
			e.Setenv("DSCONV_ISA", os.Getenv("DSCONV_ISA"))
			return os.Symlink(configs, filepath.Join(e.WorkDir, "configs"))
		},
	}
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

// waitfor waits until a file that matches exists: waitfor runs/*/checkpoints/step-*.
func waitfor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor GLOB")
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		found, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		if len(found) > 0 {
			return
		}
	}
	ts.Fatalf("nothing matches %s", args[0])
}

// edit replaces text in the first file that matches, which must have it.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit GLOB OLD NEW")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) == 0 {
		ts.Fatalf("nothing matches %s", args[0])
	}
	data, err := os.ReadFile(found[0])
	ts.Check(err)
	if !strings.Contains(string(data), args[1]) {
		ts.Fatalf("%s has no %q", found[0], args[1])
	}
	ts.Check(os.WriteFile(found[0], []byte(strings.ReplaceAll(string(data), args[1], args[2])), 0o644))
}
