package runs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dsconv/internal/bug"
)

// Several writers of one file do not meet: it has what one of them wrote, and nothing
// stays beside it.
func TestReplaceFileByMany(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.svg")
	errs := make([]error, 8)
	var writers bug.Group
	for i := range errs {
		writers.Go(func() {
			for range 5 {
				errs[i] = errors.Join(errs[i], ReplaceFile(file, func(w io.Writer) error {
					_, err := fmt.Fprint(w, strings.Repeat(fmt.Sprint(i), 1000))
					return err
				}))
			}
		})
	}
	writers.Wait()
	check(t, errors.Join(errs...))
	data, err := os.ReadFile(file)
	check(t, err)
	if len(data) != 1000 || strings.Trim(string(data), string(data[:1])) != "" {
		t.Errorf("a mixture of %d bytes: %.40s", len(data), data)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("%v stay, %v", list, err)
	}
}

// A writer that fails leaves the old content; a link is followed; what is no file, or
// has no folder, is refused by its own name.
func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "a.svg"), filepath.Join(dir, "link.svg")
	text := func(s string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		}
	}
	check(t, ReplaceFile(file, text("old")))
	check(t, os.Symlink("a.svg", link))
	none := filepath.Join(dir, "none", "a.svg")
	for _, c := range []struct {
		name  string
		write func(io.Writer) error
		want  string
	}{
		{file, func(w io.Writer) error { return errors.Join(text("half")(w), io.ErrShortWrite) }, "short write"},
		{dir, text("new"), "write " + dir + ": it is a folder; name a file"},
		{os.DevNull, text("new"), "write " + os.DevNull + ": it is not a regular file"},
		{none, text("new"), "write " + none + ": no such file"},
	} {
		if err := ReplaceFile(c.name, c.write); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if data, _ := os.ReadFile(link); string(data) != "old" {
		t.Errorf("a writer failed, and the file holds %q", data)
	}
	check(t, ReplaceFile(link, text("new")))
	if data, _ := os.ReadFile(file); string(data) != "new" {
		t.Errorf("through a link: the file holds %q", data)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 2 {
		t.Errorf("%v stay, %v", list, err)
	}
}
