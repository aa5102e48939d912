package runs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dsconv/internal/figure"
)

// TestFullDisk fills a real file system while a run writes checkpoints to it, and
// frees it again page by page. However much room there is, the run ends well or
// says what is missing and keeps its last good checkpoint.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("a file system cannot be mounted here: %v", err)
	}
	defer func() { check(t, syscall.Unmount(disk, 0)) }()
	c := tiny()
	c.Train.Steps = 40
	want := finished(t, newMemFS(), c, &observer{})

	dir := filepath.Join(disk, "run")
	if err := trainIn(dir, c, &observer{stopAt: 4}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	ballast := filepath.Join(disk, "ballast")
	size := fill(t, ballast)
	tries, first := 0, error(nil)
	for saved := 4; ; tries++ {
		o := &observer{from: complete}
		err := trainIn(dir, c, o)
		if o.from != complete && o.from < saved {
			t.Fatalf("step %d was saved, but the run went on from %d", saved, o.from)
		}
		saved = max(saved, o.saved)
		if n := brokenCheckpoints(t, dir, c); n > 0 {
			t.Fatalf("%d broken checkpoints on a full disk", n)
		}
		if err == nil {
			break
		}
		var p *fs.PathError
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &p) || !strings.HasPrefix(p.Path, dir) {
			t.Fatalf("on a full disk: %v", err)
		}
		if first == nil {
			first = p
		}
		size -= int64(os.Getpagesize())
		check(t, os.Truncate(ballast, size))
	}
	same(t, "after a full disk", endOf(t, dir, c), want)
	figure.Log(t, "%d tries on a full tmpfs, the first: %v; then the run ended equal bit for bit", tries, first)
}

// fill writes until the file system is full, and says how much that was.
func fill(t *testing.T, name string) int64 {
	t.Helper()
	f, err := os.Create(name)
	check(t, err)
	defer f.Close()
	for _, block := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, block))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	info, err := f.Stat()
	check(t, err)
	return info.Size()
}

// A folder below the root that cannot be read, here because its path is too long, does
// not hide the runs beside it; the root itself must be readable.
func TestListBadFolder(t *testing.T) {
	root := t.TempDir()
	for len(root) < 3900 {
		root = filepath.Join(root, strings.Repeat("d", min(200, max(1, 3899-len(root)))))
	}
	check(t, os.MkdirAll(root, 0o700))
	check(t, trainIn(filepath.Join(root, "good"), tiny(), &observer{}))
	open, err := os.OpenRoot(root)
	check(t, err)
	defer open.Close()
	long := strings.Repeat("x", 250)
	check(t, open.Mkdir(long, 0o700))
	list, err := List(root)
	check(t, err)
	if len(list) != 2 || !errors.Is(list[0].Err, syscall.ENAMETOOLONG) || list[0].Dir != filepath.Join(root, long) || list[1].Err != nil {
		t.Fatalf("%+v", list)
	}
	if _, err := List(filepath.Join(root, long)); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("a root that cannot be read: %v", err)
	}
}
