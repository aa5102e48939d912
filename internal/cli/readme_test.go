package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
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

// Every command and flag that README.md names anywhere exists, and so does every
// file that it points to.
func TestReadmeNames(t *testing.T) {
	text := readme(t)
	root := NewRoot(NewFactory())
	for _, m := range regexp.MustCompile("`?(dsconv [^`\n]*)").FindAllStringSubmatch(text, -1) {
		words := strings.Fields(m[1])[1:]
		cmd, rest, err := root.Find(words)
		if err != nil || cmd == root && len(words) > 0 && regexp.MustCompile(`^[a-z]+$`).MatchString(words[0]) && !isProse(words) {
			t.Errorf("%q: no such command", m[1])
			continue
		}
		for _, w := range rest {
			name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
			if strings.HasPrefix(w, "--") && name != "help" && lookup(cmd, name) == nil {
				t.Errorf("%q: no flag --%s", m[1], name)
			}
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]*)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Errorf("README.md points to %s: %v", m[1], err)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^((?:internal|cmd|configs|testdata|docs)/\S*?)\s`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Errorf("README.md draws %s: %v", m[1], err)
		}
	}
}

func lookup(cmd *cobra.Command, flag string) any {
	if f := cmd.Flags().Lookup(flag); f != nil {
		return f
	}
	return nil
}

// isProse says that the words go on a sentence about the program.
func isProse(words []string) bool { return words[0] == "trains" }
