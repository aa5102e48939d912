package runs

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// temporary ends the names of files that are not complete yet.
const temporary = ".tmp"

// ReplaceFile writes a file anew: readers see the old or the new content, never a
// mixture, and after it returns a crash cannot bring back the old. Several processes
// may replace a file at the same time. A link is followed; what is no file, such as a
// folder or a device, is refused.
func ReplaceFile(file string, write func(io.Writer) error) error {
	err := replaceAnywhere(file, write)
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err // the name beside the file says nothing to anyone
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

func replaceAnywhere(file string, write func(io.Writer) error) error {
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	switch info, err := os.Stat(file); {
	case err == nil && info.IsDir():
		return refusef("it is a folder; name a file")
	case err == nil && !info.Mode().IsRegular():
		return refusef("it is not a regular file; name another one")
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(file)
	return replaceBy(diskFS{root}, name, name+"."+rand.Text()+temporary, func(w io.Writer) error {
		buf := bufio.NewWriterSize(w, 256<<10)
		if err := write(buf); err != nil {
			return err
		}
		return buf.Flush()
	})
}

// replaceFile puts data in the place of a run's file. The run is this process's alone,
// so a file that a crash leaves beside it is overwritten by the next call.
func replaceFile(f FS, name string, data []byte) error {
	return replaceBy(f, name, name+temporary, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// replaceBy writes and syncs a file called tmp, renames it, and syncs the folder.
func replaceBy(f FS, name, tmp string, write func(io.Writer) error) error {
	w, err := f.Create(tmp)
	if err != nil {
		return err
	}
	if err = finish(w, write(w)); err == nil {
		err = f.Rename(tmp, name)
	}
	if err != nil {
		_ = f.Remove(tmp) // best effort: the error is told
		return err
	}
	return f.SyncDir(path.Dir(name))
}
