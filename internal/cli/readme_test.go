package cli

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"dsconv/internal/config"
	"dsconv/internal/report"
)

// TestReadme runs the commands of README.md that are marked as shell, in their
// order, in an empty folder with the configs of the repository.
func TestReadme(t *testing.T) {
	lines := readmeCommands(t)
	if len(lines) < 15 {
		t.Fatalf("only %d commands", len(lines))
	}
	dir := t.TempDir()
	script := "exec " + strings.Join(lines, "\nexec ") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "readme.txtar"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	p := scriptParams(t)
	p.Dir = dir
	testscript.Run(t, p)
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readmeCommands(t *testing.T) (lines []string) {
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		for _, line := range strings.Split(block[1], "\n") {
			if strings.HasPrefix(line, "dsconv ") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// TestHouse: every room stands in the README's list, and imports only rooms that stand below it.
func TestHouse(t *testing.T) {
	level := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^internal/(\w+)/ `).FindAllStringSubmatch(readme(t), -1) {
		level[m[1]] = len(level)
	}
	list := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./internal/...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	room := func(path string) string {
		name, _, _ := strings.Cut(strings.TrimPrefix(path, "dsconv/internal/"), "/")
		return name
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		paths := strings.Fields(line)
		from := room(paths[0])
		seen[from] = true
		for _, path := range paths[1:] {
			if to := room(path); strings.HasPrefix(path, "dsconv/") && to != from && level[to] <= level[from] {
				t.Errorf("%s imports %s, which stands above it", from, to)
			}
		}
	}
	if have, listed := slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(level)); !slices.Equal(have, listed) {
		t.Errorf("the list has %q, the house %q", listed, have)
	}
}

// Every command, flag and configuration that README.md names anywhere exists, and
// so does every file that it points to.
func TestReadmeNames(t *testing.T) {
	text := readme(t)
	for _, m := range regexp.MustCompile("`?(dsconv [^`\n]*)").FindAllStringSubmatch(text, -1) {
		if words := strings.Fields(m[1]); words[1] != "trains" { // a sentence about the program
			checkCommand(t, words)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Errorf("README.md points to %s: %v", m[1], err)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^((?:internal|cmd|configs|scripts|testdata|docs)/\S*?)\s`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Errorf("README.md draws %s: %v", m[1], err)
		}
	}
}

// The examples of every command's help, and the commands that claims name, exist too.
func TestExamplesExist(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, line := range strings.Split(cmd.Example, "\n") {
			if words := strings.Fields(line); len(words) > 1 && words[0] == "dsconv" {
				checkCommand(t, words)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(NewRoot(NewFactory()))
	claims, err := report.Claims()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		checkCommand(t, strings.Fields(c.In("runs/reproduce", nil).Command))
	}
}

// checkCommand looks for a command, its flags and the configurations it names.
func checkCommand(t *testing.T, words []string) {
	t.Helper()
	root := NewRoot(NewFactory())
	cmd, rest, err := root.Find(words[1:])
	if err != nil || cmd == root {
		t.Errorf("%q: no such command", words)
		return
	}
	for _, w := range rest {
		name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		if strings.HasPrefix(w, "--") && name != "help" && cmd.Flags().Lookup(name) == nil {
			t.Errorf("%q: no flag --%s", words, name)
		}
		if m := regexp.MustCompile(`^runs/(.+)-[0-9a-f]{4,}$`).FindStringSubmatch(w); m != nil {
			c, err := config.Load("../../configs/" + m[1] + ".yaml")
			if err != nil || w != "runs/"+defaultRunName(c) {
				t.Errorf("%q: no configuration trains in %s (%v)", words, w, err)
			}
		}
		if strings.HasPrefix(w, "configs/") {
			if _, err := os.Stat(filepath.Join("../..", w)); err != nil {
				t.Errorf("%q: %v", words, err)
			}
		}
	}
}
