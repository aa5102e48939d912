package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Keys that a file has beside those of Config.
const (
	includeKey  = "include"  // files whose settings this one starts from
	profilesKey = "profiles" // named overlays
)

// Bounds on what one file may pull in.
const (
	maxFiles        = 64
	maxIncludeDepth = 8
)

// tree reads configuration files that include one another. It opens nothing
// outside the folder called configs that the first file lies in, or else that
// file's own folder.
type tree struct {
	root  *os.Root
	top   string // absolute path of root
	given []byte // the first file
	open  []string
	files int
	p     problems
}

// openTree is the tree that file belongs to; inside is the file's path in it.
func openTree(file string) (t *tree, inside string, err error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, "", refuse(file, "%v", err)
	}
	top := filepath.Dir(abs)
	for dir := top; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if filepath.Base(dir) == "configs" {
			top = dir
			break
		}
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, "", refuse(file, "%v", cause(err))
	}
	inside, err = filepath.Rel(top, abs)
	if err != nil {
		inside = filepath.Base(abs)
	}
	return &tree{root: root, top: top}, inside, nil
}

func (t *tree) close() { t.root.Close() }

// readCapped reads a file that may be large, a device or a pipe without end.
func (t *tree) readCapped(inside string) ([]byte, error) {
	// Before it is opened, which for a pipe would wait until somebody writes to it.
	if info, err := t.root.Stat(inside); err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := t.root.Open(inside)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// document reads the first file of the tree; shown is its path as messages name it.
func (t *tree) document(inside, shown string) (*document, error) {
	data, err := t.readCapped(inside)
	if err != nil {
		return nil, refuse(shown, "cannot be read: %v", cause(err))
	}
	t.given = data
	return readDocument(shown, data)
}

// stack is what files contribute: layers from the weakest to the strongest, and
// overlays by profile.
type stack struct {
	layers   []layer
	profiles map[string][]layer
}

func (s *stack) add(o stack) {
	s.layers = append(s.layers, o.layers...)
	for name, l := range o.profiles {
		s.profiles[name] = append(s.profiles[name], l...)
	}
}

// file reads a configuration with all that it includes.
func (t *tree) file(inside, shown string) stack {
	d, err := t.document(inside, shown)
	if err != nil {
		t.fail(err)
		return stack{}
	}
	return t.config(d, d.root, inside)
}

// fail keeps the problems of err.
func (t *tree) fail(err error) {
	var e *Error
	if errors.As(err, &e) {
		t.p.list = append(t.p.list, e.Problems...)
		return
	}
	t.p.list = append(t.p.list, Problem{Message: err.Error()})
}

// config reads a mapping that is a configuration: what it includes, its own keys,
// its profiles.
func (t *tree) config(d *document, n *yaml.Node, inside string) stack {
	s := stack{profiles: map[string][]layer{}}
	if n.Kind != yaml.MappingNode {
		t.p.add(d.at(n), "", "must be keys with values, got %s", describe(n))
		return s
	}
	if list := member(n, includeKey); list != nil {
		s.add(t.includes(d, list, inside))
	}
	s.layers = append(s.layers, d.layer(&t.p, n, includeKey, profilesKey))
	if list := member(n, profilesKey); list != nil {
		if list.Kind != yaml.MappingNode {
			t.p.add(d.at(list), profilesKey, "must be overlays by name, got %s", describe(list))
			return s
		}
		for _, kv := range pairs(list) {
			name := kv[0].Value
			s.profiles[name] = append(s.profiles[name], d.layer(&t.p, kv[1]))
		}
	}
	return s
}

func (t *tree) includes(d *document, list *yaml.Node, inside string) stack {
	s := stack{profiles: map[string][]layer{}}
	if list.Kind != yaml.SequenceNode {
		t.p.add(d.at(list), includeKey, "must be a list of files, such as [parts/300m.yaml], got %s", describe(list))
		return s
	}
	t.open = append(t.open, inside)
	defer func() { t.open = t.open[:len(t.open)-1] }()
	for _, item := range list.Content {
		if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" {
			t.p.add(d.at(item), includeKey, "must name files, got %s", describe(item))
			continue
		}
		name := filepath.FromSlash(item.Value)
		next := filepath.Join(filepath.Dir(inside), name)
		switch {
		case filepath.IsAbs(name):
			t.p.add(d.at(item), includeKey, "must be a path from this file's folder on, got %s", quoteShort(item.Value))
			continue
		case !filepath.IsLocal(next):
			t.p.add(d.at(item), includeKey, "must stay below the folder %s, got %s; a file that lies in configs, at any depth, may include all of configs", filepath.Base(t.top), quoteShort(item.Value))
			continue
		case slices.Contains(t.open, next):
			t.p.add(d.at(item), includeKey, "%s includes itself: %s", item.Value, strings.Join(append(slices.Clone(t.open), next), " > "))
			continue
		case len(t.open) > maxIncludeDepth:
			t.p.add(d.at(item), includeKey, "files include one another more than %d deep", maxIncludeDepth)
			continue
		}
		if t.files++; t.files > maxFiles {
			t.p.add(d.at(item), includeKey, "more than %d files are included", maxFiles)
			return s
		}
		shown := filepath.Join(filepath.Dir(d.file), name)
		data, err := t.readCapped(next)
		if err != nil {
			t.p.add(d.at(item), includeKey, "%s cannot be read: %v", shown, cause(err))
			continue
		}
		part, err := readDocument(shown, data)
		if err != nil {
			t.fail(err)
			continue
		}
		s.add(t.config(part, part.root, next))
	}
	return s
}

// cause is the reason of a file error without the operation and path, which the
// message has already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
