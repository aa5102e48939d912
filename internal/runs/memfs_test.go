package runs

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
)

// memFS is a file system in memory that keeps what was written apart from what
// was synced, so that it can crash as a disk does, and that fails at a chosen
// operation.
type memFS struct {
	root *node
	ops  int

	crashAt int   // from this operation on nothing happens any more; 0: never
	failAt  int   // this operation gives fail; 0: none
	sticky  bool  // and so do all later ones
	fail    error // such as ENOSPC

	failed  []string // operations that were made to fail
	retried []string // files that were synced again after a sync that failed
}

// node is a file or a directory, once as a process sees it and once as it would be
// after a crash that loses all that can be lost.
type node struct {
	dir           bool
	entries, safe map[string]*node
	data, synced  []byte
	lost          bool // a sync failed: the system has dropped what was not on disk
}

func newDir() *node { return &node{dir: true, entries: map[string]*node{}, safe: map[string]*node{}} }

func newMemFS() *memFS { return &memFS{root: newDir()} }

var errCrashed = errors.New("the machine is off")

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: "/disk/run/" + name, Err: err}
}

// op counts an operation and says whether it happens.
func (m *memFS) op(op, name string) error {
	m.ops++
	switch {
	case m.crashAt > 0 && m.ops >= m.crashAt:
		return pathError(op, name, errCrashed)
	case m.failAt > 0 && (m.ops == m.failAt || m.sticky && m.ops > m.failAt):
		m.failed = append(m.failed, op+" "+name)
		return pathError(op, name, m.fail)
	}
	return nil
}

func (m *memFS) find(name string) *node {
	n := m.root
	for _, part := range strings.Split(path.Clean(name), "/") {
		if part != "." {
			if n == nil || !n.dir {
				return nil
			}
			n = n.entries[part]
		}
	}
	return n
}

// parent is the directory that holds name, and the last part of it.
func (m *memFS) parent(name string) (*node, string) {
	return m.find(path.Dir(name)), path.Base(name)
}

func (m *memFS) Mkdir(name string) error {
	if err := m.op("mkdir", name); err != nil {
		return err
	}
	dir, base := m.parent(name)
	switch {
	case dir == nil:
		return pathError("mkdir", name, fs.ErrNotExist)
	case dir.entries[base] != nil:
		return pathError("mkdir", name, fs.ErrExist)
	}
	dir.entries[base] = newDir()
	return nil
}

func (m *memFS) Create(name string) (File, error) { return m.open("create", name, true) }
func (m *memFS) Append(name string) (File, error) { return m.open("append", name, false) }

func (m *memFS) open(op, name string, empty bool) (File, error) {
	if err := m.op(op, name); err != nil {
		return nil, err
	}
	dir, base := m.parent(name)
	if dir == nil {
		return nil, pathError(op, name, fs.ErrNotExist)
	}
	n := dir.entries[base]
	if n == nil {
		n = &node{}
		dir.entries[base] = n
	}
	if empty {
		n.data = nil
	}
	return &memFile{m, name, n}, nil
}

type memFile struct {
	m    *memFS
	name string
	n    *node
}

func (f *memFile) Write(b []byte) (int, error) {
	if err := f.m.op("write", f.name); err != nil {
		half := 0
		if !errors.Is(err, errCrashed) || len(b) > 1 {
			half = len(b) / 2 // a full disk takes a part; a crash comes in the middle
			f.n.data = append(f.n.data, b[:half]...)
		}
		return half, err
	}
	f.n.data = append(f.n.data, b...)
	return len(b), nil
}

func (f *memFile) Sync() error {
	if err := f.m.op("sync", f.name); err != nil {
		f.n.lost = true
		return err
	}
	if f.n.lost {
		f.m.retried = append(f.m.retried, f.name)
		return nil
	}
	f.n.synced = bytes.Clone(f.n.data)
	return nil
}

func (f *memFile) Close() error { return f.m.op("close", f.name) }

type memReader struct {
	*bytes.Reader
	m    *memFS
	name string
}

func (r memReader) ReadAt(b []byte, at int64) (int, error) {
	if err := r.m.op("read", r.name); err != nil {
		return 0, err
	}
	return r.Reader.ReadAt(b, at)
}

func (r memReader) Size() int64  { return r.Reader.Size() }
func (r memReader) Close() error { return nil }

func (m *memFS) Open(name string) (Reader, error) {
	if err := m.op("open", name); err != nil {
		return nil, err
	}
	n := m.find(name)
	if n == nil || n.dir {
		return nil, pathError("open", name, fs.ErrNotExist)
	}
	return memReader{bytes.NewReader(n.data), m, name}, nil
}

func (m *memFS) List(name string) ([]Entry, error) {
	if err := m.op("list", name); err != nil {
		return nil, err
	}
	n := m.find(name)
	if n == nil {
		return nil, pathError("list", name, fs.ErrNotExist)
	}
	var out []Entry
	for _, base := range slices.Sorted(maps.Keys(n.entries)) {
		out = append(out, Entry{base, n.entries[base].dir})
	}
	return out, nil
}

func (m *memFS) Rename(from, to string) error {
	if err := m.op("rename", to); err != nil {
		return err
	}
	a, x := m.parent(from)
	b, y := m.parent(to)
	if a == nil || b == nil || a.entries[x] == nil {
		return pathError("rename", to, fs.ErrNotExist)
	}
	if old := b.entries[y]; old != nil && old.dir {
		return pathError("rename", to, fs.ErrExist)
	}
	b.entries[y] = a.entries[x]
	delete(a.entries, x)
	return nil
}

func (m *memFS) Remove(name string) error {
	if err := m.op("remove", name); err != nil {
		return err
	}
	dir, base := m.parent(name)
	switch {
	case dir == nil || dir.entries[base] == nil:
		return pathError("remove", name, fs.ErrNotExist)
	case len(dir.entries[base].entries) > 0:
		return pathError("remove", name, errors.New("directory not empty"))
	}
	delete(dir.entries, base)
	return nil
}

func (m *memFS) SyncDir(name string) error {
	if err := m.op("syncdir", name); err != nil {
		return err
	}
	n := m.find(name)
	if n == nil {
		return pathError("syncdir", name, fs.ErrNotExist)
	}
	n.safe = maps.Clone(n.entries)
	return nil
}

// loss says how much of what was not synced a crash takes away.
type loss int

const (
	loseAll  loss = iota
	loseNone      // as after kill -9
	losePart      // any names and any blocks
)

// crashed is the file system as it is found after a crash.
func (m *memFS) crashed(l loss, r *rand.Rand) *memFS {
	return &memFS{root: m.root.crashed(l, r)}
}

func (n *node) crashed(l loss, r *rand.Rand) *node {
	if !n.dir {
		data := n.synced
		switch {
		case l == loseNone:
			data = n.data
		case l == losePart:
			data = mix(n.synced, n.data, r)
		}
		return &node{data: bytes.Clone(data), synced: bytes.Clone(data)}
	}
	out := newDir()
	names := slices.Sorted(maps.Keys(n.entries))
	for name := range n.safe {
		if n.entries[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		keep := n.safe[name]
		if l == loseNone || l == losePart && r.IntN(2) == 0 {
			keep = n.entries[name]
		}
		if keep != nil {
			out.entries[name] = keep.crashed(l, r)
		}
	}
	out.safe = maps.Clone(out.entries)
	return out
}

// mix takes each block from what was synced, from what was written, or as zeros,
// and may cut the end off.
func mix(synced, written []byte, r *rand.Rand) []byte {
	const block = 64
	if bytes.Equal(synced, written) {
		return written
	}
	out := bytes.Clone(written)
	start := 0
	if bytes.HasPrefix(written, synced) {
		start = len(synced) // what was appended to is not touched
	}
	for i := start; i < len(out); i += block {
		end := min(i+block, len(out))
		switch r.IntN(4) {
		case 0:
			clear(out[i:end])
		case 1:
			if i < len(synced) {
				copy(out[i:end], synced[i:])
			}
		}
	}
	if len(out) > start {
		out = out[:len(out)-r.IntN(len(out)-start+1)]
	}
	return out
}

// TestMemFSCrash holds the file system itself to what it promises, for the tests
// above it prove nothing otherwise.
func TestMemFSCrash(t *testing.T) {
	m := newMemFS()
	r := rand.New(rand.NewPCG(1, 2))
	check(t, writeFile(m, "a", []byte("synced")))
	if m.crashed(loseAll, r).find("a") != nil {
		t.Error("a name that was not synced survived")
	}
	check(t, m.SyncDir("."))
	f, err := m.Append("a")
	check(t, err)
	_, err = f.Write([]byte(" and more"))
	check(t, err)
	if got := string(m.crashed(loseAll, r).find("a").data); got != "synced" {
		t.Errorf("lost all: %q", got)
	}
	if got := string(m.crashed(loseNone, r).find("a").data); got != "synced and more" {
		t.Errorf("lost none: %q", got)
	}
	check(t, m.Rename("a", "b"))
	c := m.crashed(loseAll, r)
	if c.find("a") == nil || c.find("b") != nil {
		t.Error("a rename that was not synced survived")
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
