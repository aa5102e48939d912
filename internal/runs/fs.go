package runs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// FS is all that a run needs of a file system, below its directory. Names are
// slash-separated and relative. Tests put one in its place that crashes and fails
// at any operation.
type FS interface {
	Mkdir(name string) error
	Create(name string) (File, error) // for writing; an older file is emptied
	Append(name string) (File, error) // for writing at the end; made where there is none
	Open(name string) (Reader, error)
	List(name string) ([]Entry, error) // sorted by name
	Rename(from, to string) error
	Remove(name string) error // a file or an empty directory
	SyncDir(name string) error
}

// File is a file being written.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

// Reader is a file being read.
type Reader interface {
	io.ReaderAt
	Size() int64
	Close() error
}

// Entry is a name in a directory.
type Entry struct {
	Name string
	Dir  bool
}

// diskFS is a directory on disk. os.Root refuses names and links that lead out of
// it.
type diskFS struct{ root *os.Root }

// full gives an error the whole path: os.Root names only its end, mostly.
func (d diskFS) full(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		if filepath.IsAbs(p.Path) {
			return p
		}
		return &fs.PathError{Op: p.Op, Path: filepath.Join(d.root.Name(), p.Path), Err: p.Err}
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return &fs.PathError{Op: l.Op, Path: filepath.Join(d.root.Name(), l.New), Err: l.Err}
	}
	return err
}

func (d diskFS) Mkdir(name string) error { return d.full(d.root.Mkdir(name, 0o755)) }

func (d diskFS) Create(name string) (File, error) {
	return d.open(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
}

func (d diskFS) Append(name string) (File, error) {
	return d.open(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
}

// regular refuses what is no file before it is opened, which for a pipe would wait until
// somebody opens its other end. What cannot be looked at, opening tells.
func (d diskFS) regular(name string) error {
	if info, err := d.root.Stat(name); err == nil && !info.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: filepath.Join(d.root.Name(), name), Err: errors.New("not a regular file")}
	}
	return nil
}

func (d diskFS) open(name string, flag int) (File, error) {
	if err := d.regular(name); err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(name, flag, 0o644)
	if err != nil {
		return nil, d.full(err)
	}
	return f, nil
}

type diskReader struct {
	*os.File
	size int64
}

func (r diskReader) Size() int64 { return r.size }

func (d diskFS) Open(name string) (Reader, error) {
	if err := d.regular(name); err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, d.full(err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return diskReader{f, info.Size()}, nil
}

func (d diskFS) List(name string) ([]Entry, error) {
	list, err := fs.ReadDir(d.root.FS(), name)
	if err != nil {
		return nil, d.full(err)
	}
	out := make([]Entry, len(list))
	for i, e := range list {
		out[i] = Entry{e.Name(), e.IsDir()}
	}
	return out, nil
}

func (d diskFS) Rename(from, to string) error { return d.full(d.root.Rename(from, to)) }

func (d diskFS) Remove(name string) error { return d.full(d.root.Remove(name)) }

func (d diskFS) SyncDir(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return d.full(err)
	}
	defer f.Close()
	return f.Sync()
}

// removeTree removes a directory and all below it. What is not there is no error.
func removeTree(f FS, name string) error {
	list, err := f.List(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		below := path.Join(name, e.Name)
		if e.Dir {
			err = removeTree(f, below)
		} else {
			err = f.Remove(below)
		}
		if err != nil {
			return err
		}
	}
	return f.Remove(name)
}

// readFile reads a whole file of at most limit bytes.
func readFile(f FS, name string, limit int64) ([]byte, error) {
	r, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errTooLarge}
	}
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

var errTooLarge = errors.New("file is too large to be what its name says")

// writeFile writes and syncs a file that is not in use yet.
func writeFile(f FS, name string, data []byte) error {
	w, err := f.Create(name)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return finish(w, err)
}

// finish syncs and closes a file, if err is nil; else it only closes it. A sync
// that failed is never tried again: the system may have dropped the data and
// report success the second time.
func finish(w File, err error) error {
	if err == nil {
		err = w.Sync()
	}
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}
