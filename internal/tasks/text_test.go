package tasks

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dsconv/internal/config"
)

// folder makes files with the given content under a new folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// corpus is 40 files of the lines "file 07 line 3".
func corpus(t testing.TB) string {
	files := map[string]string{}
	for i := range 40 {
		var b strings.Builder
		for line := range 10 {
			fmt.Fprintf(&b, "file %02d line %d\n", i, line)
		}
		files[fmt.Sprintf("d%d/f%02d.txt", i%4, i)] = b.String()
	}
	return folder(t, files)
}

func textTask(dir string) config.Task {
	return a("text", func(c *config.Task) { c.Files, c.SeqLen, c.ValidFraction = []string{dir + "/**/*.txt"}, 32, 0.25 })
}

func TestTextPinnedBytes(t *testing.T) {
	task := must(t, textTask(corpus(t)))
	for split, want := range []string{"781be57e6d1bb10a", "1c19e1110f211fcf", "7a8fbba57d5f9fb2"} {
		if got := sum(task, Split(split), 3, 4); got != want {
			t.Errorf("%v: sum %q, want %q", Split(split), got, want)
		}
	}
}

// The size that is known beforehand is the memory that the corpus then takes.
func TestCorpusBytes(t *testing.T) {
	c := textTask(corpus(t))
	want, err := CorpusBytes(c)
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, side := range must(t, c).(*text).sides {
		held += cap(side)
	}
	if int64(held) != want || held != 40*(150+1) {
		t.Errorf("%d bytes foretold, %d held, and there are 40 files of 150 bytes", want, held)
	}
	if n, err := CorpusBytes(a("mqar", nil)); n != 0 || err != nil {
		t.Errorf("a task without files: %d bytes, %v", n, err)
	}
}

// TestTextKeepsFilesApart looks for the file that every window comes from: no file
// may be seen both in training and outside of it.
func TestTextKeepsFilesApart(t *testing.T) {
	dir := corpus(t)
	c := textTask(dir)
	task := must(t, c)
	sides := map[string]map[bool]bool{}
	for _, split := range []Split{Train, Valid, Test} {
		for index := range uint64(400) {
			tokens, targets := example(task, split, index)
			checkExample(t, c, task, tokens, targets)
			if !slices.Equal(tokens[1:], targets[:len(targets)-1]) {
				t.Fatal("a label is not the next byte")
			}
			var window []byte
			for _, x := range tokens {
				window = append(window, byte(x))
			}
			if i := bytes.Index(window, []byte("file ")); i >= 0 && i+7 <= len(window) {
				name := string(window[i+5 : i+7])
				if sides[name] == nil {
					sides[name] = map[bool]bool{}
				}
				sides[name][split == Train] = true
			}
		}
	}
	held := 0
	for name, where := range sides {
		if len(where) != 1 {
			t.Errorf("file %s is on both sides", name)
		}
		if where[false] {
			held++
		}
	}
	if len(sides) != 40 || held < 4 || held > 16 {
		t.Errorf("%d of 40 files were seen, %d of them held out", len(sides), held)
	}
}

// The hash of a corpus tells where training ends.
func TestCorpusHashHasTheSides(t *testing.T) {
	side := func(train, held string) string {
		return (&text{sides: [2][]byte{[]byte(train), []byte(held)}}).CorpusHash()
	}
	if side("ab", "c") == side("a", "bc") || side("ab", "c") != side("ab", "c") {
		t.Error("a byte that changes sides changes nothing")
	}
}

// TestTextSplitDoesNotDependOnThePlace copies the corpus elsewhere.
func TestTextSplitDoesNotDependOnThePlace(t *testing.T) {
	one, two := must(t, textTask(corpus(t))), must(t, textTask(corpus(t)))
	if sum(one, Valid, 0, 8) != sum(two, Valid, 0, 8) {
		t.Error("the same files in another folder give other examples")
	}
}

func TestTextReadsGoSources(t *testing.T) {
	t.Setenv("GOROOT", "") // the go command that runs this test knows it
	c := a("text", func(c *config.Task) { c.Files = []string{"$GOROOT/src/fmt/*.go", "$GOROOT/src/s*/*.go"} })
	task := must(t, c)
	tokens, targets := example(task, Train, 0)
	checkExample(t, c, task, tokens, targets)
}

func TestTextErrors(t *testing.T) {
	dir := folder(t, map[string]string{"a.txt": "short"})
	for _, c := range []struct{ glob, want string }{
		{dir + "/*.go", "no file matches"},
		{dir + "/none/*.go", "none"},
		{dir + "/[", "is no pattern"},
		{"$DSCONV_NO_SUCH/x", "the environment variable DSCONV_NO_SUCH is not set"},
		{dir + "/*.txt", "a window of task.seq_len 64 needs 65"},
	} {
		_, err := New(a("text", func(task *config.Task) { task.Files = []string{c.glob} }), 1)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tasks: task.files: ") {
			t.Errorf("%s: got %v, want %q in it", c.glob, err, c.want)
		}
	}
	t.Setenv("GOROOT", "")
	t.Setenv("PATH", dir)
	if _, err := findFiles([]string{"$GOROOT/src/*.go"}); err == nil || !strings.Contains(err.Error(), "set GOROOT to the folder of a Go installation") {
		t.Errorf("without a go command: %v", err)
	}
}

func TestGlobs(t *testing.T) {
	dir := folder(t, map[string]string{"a.go": "", "a.txt": "", "x/b.go": "", "x/y/c.go": "", "x/y/z/d.go": "", "w/y/e.go": ""})
	for _, c := range []struct {
		glob string
		want string // names relative to the folder
	}{
		{"*.go", "a.go"},
		{"a.*", "a.go a.txt"},
		{"**/*.go", "a.go w/y/e.go x/b.go x/y/c.go x/y/z/d.go"},
		{"**", "a.go a.txt w/y/e.go x/b.go x/y/c.go x/y/z/d.go"},
		{"*/y/*.go", "w/y/e.go x/y/c.go"},
		{"x/**/[cd].go", "x/y/c.go x/y/z/d.go"},
		{"**/y/**/*.go", "w/y/e.go x/y/c.go x/y/z/d.go"},
		{"x/y/c.go", "x/y/c.go"},
		{"*", "a.go a.txt"},
	} {
		files, err := findFiles([]string{dir + "/" + c.glob})
		if err != nil {
			t.Errorf("%s: %v", c.glob, err)
			continue
		}
		root, err := filepath.EvalSymlinks(dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range files {
			name, err := filepath.Rel(root, f.path)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, filepath.ToSlash(name))
			if !strings.HasSuffix(filepath.ToSlash(name), f.name) {
				t.Errorf("%s: file %s is named %s", c.glob, name, f.name)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.glob, got, c.want)
		}
	}
	twice, err := findFiles([]string{dir + "/*.go", dir + "/**/a.go"})
	if err != nil || len(twice) != 1 {
		t.Errorf("a file that two globs name came %d times, %v", len(twice), err)
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("**/*.go", "a/b/c.go")
	f.Add("a/**", "a")
	f.Add("[", "x")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if strings.Count(pattern, "**") > 4 || len(name) > 200 {
			return // time grows with the folders to the power of the stars
		}
		p, n := strings.Split(pattern, "/"), strings.Split(name, "/")
		if matchSegments(p, n) && !matchSegments(append([]string{"**"}, p...), append([]string{"x"}, n...)) {
			t.Errorf("%q matches %q, but not below another folder", pattern, name)
		}
	})
}

// The corpus is held once: no larger room than its bytes and the zeros between files.
func TestTextHoldsItsCorpusOnce(t *testing.T) {
	dir := corpus(t)
	task, err := New(textTask(dir), 1)
	if err != nil {
		t.Fatal(err)
	}
	for side, bytes := range task.(*text).sides {
		if spare := cap(bytes) - len(bytes); spare > 1 {
			t.Errorf("side %d: %d bytes in a room of %d", side, len(bytes), cap(bytes))
		}
	}
	if _, err := appendFile(make([]byte, 0, 100), textFile{path: filepath.Join(dir, "..", "no such file"), size: 10}); err == nil {
		t.Error("a file that is not there is read")
	}
	file := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(file, []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := appendFile(make([]byte, 0, 100), textFile{path: file, size: 10}); err == nil || !strings.Contains(err.Error(), "has become shorter than 10 bytes") {
		t.Errorf("a file that was cut: %v", err)
	}
}
