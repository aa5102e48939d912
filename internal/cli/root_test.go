package cli

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"dsconv/internal/kernels"
)

// A panic, on the command's goroutine or on a kernel's thread, ends in its own exit code,
// with its stack, and says last what was run.
func TestPanicIsABug(t *testing.T) {
	kernels.SetThreads(2)
	defer kernels.SetThreads(0)
	fall := func() {
		var none []int
		_ = none[len(none)]
	}
	began := make(chan struct{})
	for name, f := range map[string]func(){
		"on the main goroutine": fall,
		"on a kernel's thread": func() {
			kernels.For(2, func(i int) {
				if i == 1 {
					close(began)
					fall()
				}
				<-began
			})
		},
	} {
		t.Run(name, func(t *testing.T) { testPanicIsABug(t, f) })
	}
}

func testPanicIsABug(t *testing.T, fall func()) {
	var out, said bytes.Buffer
	f := &Factory{Out: &out, Err: &said}
	root := NewRoot(f)
	root.AddCommand(&cobra.Command{Use: "fall NAME", Args: cobra.ExactArgs(1), RunE: func(*cobra.Command, []string) error {
		fall()
		return nil
	}})
	if code := f.run(root, []string{"fall", "down"}); code != 7 {
		t.Errorf("exit code %d", code)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	last := lines[len(lines)-1]
	for _, want := range []string{"dsconv: fall down: bug: runtime error: index out of range [0]", "please report this with the lines above (dsconv " + Version} {
		if !strings.Contains(last, want) {
			t.Errorf("the last line lacks %q: %s", want, last)
		}
	}
	if !strings.Contains(said.String(), "root_test.go") || out.Len() > 0 {
		t.Errorf("no stack on standard error, or text on standard output %q:\n%s", out.String(), said.String())
	}
}

// What is no panic keeps its code.
func TestExitCodes(t *testing.T) {
	for want, args := range map[int][]string{0: {"version"}, 2: {"trian"}} {
		var out, said bytes.Buffer
		f := &Factory{Out: &out, Err: &said}
		if code := f.run(NewRoot(f), args); code != want {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, want, said.String())
		}
	}
}

// The README's table has the codes of the help, and no others.
func TestExitCodesInReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var have, want []string
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(string(readme), -1) {
		have = append(have, m[1])
	}
	for line := range strings.Lines(exitCodeHelp) {
		want = append(want, strings.Fields(line)[0])
	}
	if !slices.Equal(have, want) {
		t.Errorf("README has %v, the help %v", have, want)
	}
}

// Every text of the help stands in lines of at most 90 columns, of which only the last of
// a paragraph is short; and every command shows how it is called.
func TestHelpIsWrapped(t *testing.T) {
	const most, least = 90, 60
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" { // cobra's own
			return
		}
		lines := strings.Split(cmd.Long, "\n")
		for i, line := range lines {
			if len(line) > most {
				t.Errorf("%s: a line of %d columns: %s", cmd.CommandPath(), len(line), line)
			}
			prose := line != "" && !strings.HasPrefix(line, " ")
			if prose && i+1 < len(lines) && lines[i+1] != "" && !strings.HasPrefix(lines[i+1], " ") && len(line) < least {
				t.Errorf("%s: a line of %d columns inside a paragraph: %s", cmd.CommandPath(), len(line), line)
			}
		}
		if !cmd.Hidden && cmd.Name() != "help" && cmd.Example == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(NewRoot(NewFactory()))
}
