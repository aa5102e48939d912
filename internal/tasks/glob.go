package tasks

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// textFile is a file that a glob found.
type textFile struct {
	path string // to open it
	name string // relative to the glob's root, with slashes: the same on every machine
	size int64  // bytes
}

// findFiles lists the files of globs, each once, in the order of the globs and then
// of names. In a glob, * matches within one folder and ** any number of folders;
// environment variables are expanded.
func findFiles(globs []string) ([]textFile, error) {
	var files []textFile
	seen := map[string]bool{}
	for _, glob := range globs {
		expanded, err := expand(glob)
		if err != nil {
			return nil, fmt.Errorf("task.files: %q: %w", glob, err)
		}
		found, err := walkGlob(expanded)
		if err != nil {
			return nil, fmt.Errorf("task.files: %q: %w", glob, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("task.files: %q: no file matches %s", glob, expanded)
		}
		for _, f := range found {
			if !seen[f.path] {
				seen[f.path] = true
				files = append(files, f)
			}
		}
	}
	return files, nil
}

// expand puts the values of environment variables in. GOROOT, which hardly anybody
// sets, is asked of the go command.
func expand(glob string) (string, error) {
	var err error
	expanded := os.Expand(glob, func(name string) string {
		value, ok := os.LookupEnv(name)
		if ok && value != "" || err != nil {
			return value
		}
		if name == "GOROOT" {
			out, failed := exec.Command("go", "env", "GOROOT").Output()
			if value = strings.TrimSpace(string(out)); failed == nil && value != "" {
				return value
			}
			err = fmt.Errorf("GOROOT is not set, and `go env GOROOT` does not tell it: set GOROOT to the folder of a Go installation, or name other files")
			return ""
		}
		err = fmt.Errorf("the environment variable %s is not set", name)
		return ""
	})
	return expanded, err
}

// walkGlob lists the regular files that match, by name.
func walkGlob(glob string) ([]textFile, error) {
	segments := strings.Split(filepath.ToSlash(glob), "/")
	fixed := 0
	for fixed < len(segments)-1 && !strings.ContainsAny(segments[fixed], `*?[\`) {
		fixed++
	}
	root := strings.Join(segments[:fixed], "/")
	switch {
	case fixed == 0:
		root = "."
	case root == "":
		root = "/"
	}
	pattern := segments[fixed:]
	for _, s := range pattern {
		if _, err := path.Match(s, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern: %w", s, err)
		}
	}
	root, err := filepath.EvalSymlinks(filepath.FromSlash(root))
	if err != nil {
		return nil, err
	}
	var files []textFile
	err = filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, at)
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		name = filepath.ToSlash(name)
		if !matchSegments(pattern, strings.Split(name, "/")) {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files = append(files, textFile{path: at, name: name, size: info.Size()})
		return nil
	})
	return files, err
}

// matchSegments matches a path, folder by folder; ** stands for any number of them.
func matchSegments(pattern, name []string) bool {
	for i, p := range pattern {
		if p == "**" {
			for skip := i; skip <= len(name); skip++ {
				if matchSegments(pattern[i+1:], name[skip:]) {
					return true
				}
			}
			return false
		}
		if i >= len(name) {
			return false
		}
		if ok, err := path.Match(p, name[i]); !ok || err != nil {
			return false
		}
	}
	return len(name) == len(pattern)
}
