package runs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"time"
)

// mark is a place in metrics.jsonl: the size of what comes before and its hash. A
// checkpoint keeps one, so that a resumed run cuts the file at the right byte and
// notices when what comes before was changed.
type mark struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// reached says whether a file of that size, whose first bytes have that sum, begins with
// what was there when the mark was made.
func (m mark) reached(size int64, sum hash.Hash) bool {
	return m.Size == 0 || size >= m.Size && hex.EncodeToString(sum.Sum(nil)) == m.SHA256
}

// metricsLog appends to metrics.jsonl. Lines wait in memory for up to a second; sync
// puts all of them on disk.
type metricsLog struct {
	file    File
	buf     []byte
	size    int64
	sum     hash.Hash
	last    Metric
	flushed time.Time
	err     error // the first; after it nothing is written
}

// openLog cuts metrics.jsonl to what the checkpoint at step knows, and opens it
// for more. Damage before the cut is told to warn: the file is the only one that
// cannot be made again, so what can be read of it is kept. However large it is, little
// of it is in memory at a time.
func openLog(f FS, step int, at mark, warn func(error)) (*metricsLog, error) {
	l := &metricsLog{sum: sha256.New(), flushed: time.Now()}
	if err := l.cut(f, step, at, warn); err != nil {
		return nil, err
	}
	var err error
	if l.last, err = lastMetric(f); err != nil {
		return nil, err
	}
	l.file, err = f.Append(metricsFile)
	return l, err
}

// cut leaves in the file what the checkpoint knows, and counts and sums that.
func (l *metricsLog) cut(f FS, step int, at mark, warn func(error)) error {
	var old io.ReaderAt = bytes.NewReader(nil)
	size := int64(0)
	r, err := f.Open(metricsFile)
	if err == nil {
		defer r.Close()
		old, size = r, r.Size()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	known := func() io.Reader { return io.NewSectionReader(old, 0, min(size, at.Size)) }
	if l.size, err = io.Copy(l.sum, known()); err != nil {
		return err
	}
	if at.reached(size, l.sum) {
		if size == at.Size && size > 0 {
			return nil
		}
		return l.rewrite(f, func(w io.Writer) error {
			_, err := io.Copy(w, known())
			return err
		})
	}
	return l.rewrite(f, func(w io.Writer) error {
		lines, kept := 0, bufio.NewWriter(w)
		damage := eachMetric(known(), func(m Metric) {
			if m.Step <= step {
				lines++
				kept.Write(m.appendTo(nil)) // its error is Flush's
			}
		})
		if damage == nil {
			damage = errors.New("it is not what was written")
		}
		warn(fmt.Errorf("%s: lines up to step %d were changed or lost: %w; %d of %d lines are kept", metricsFile, step, damage, lines, step))
		return kept.Flush()
	})
}

// rewrite replaces the file, counting and summing what write writes.
func (l *metricsLog) rewrite(f FS, write func(io.Writer) error) error {
	l.sum.Reset()
	size := counter(0)
	err := replaceBy(f, metricsFile, metricsFile+temporary, func(w io.Writer) error {
		return write(io.MultiWriter(w, l.sum, &size))
	})
	l.size = int64(size)
	return err
}

// add appends a line and flushes once a second.
func (l *metricsLog) add(m Metric) error {
	n := len(l.buf)
	l.buf = m.appendTo(l.buf)
	l.sum.Write(l.buf[n:])
	l.size += int64(len(l.buf) - n)
	l.last = m
	if time.Since(l.flushed) > time.Second {
		return l.flush()
	}
	return l.err
}

// flush hands all lines to the operating system, where other processes see them.
func (l *metricsLog) flush() error {
	if l.err == nil && len(l.buf) > 0 {
		_, l.err = l.file.Write(l.buf)
		l.buf = l.buf[:0]
	}
	l.flushed = time.Now()
	return l.err
}

// sync puts all lines on disk and says where the file now ends.
func (l *metricsLog) sync() (mark, error) {
	if l.flush() == nil {
		l.err = l.file.Sync()
	}
	return mark{l.size, hex.EncodeToString(l.sum.Sum(nil))}, l.err
}

// close flushes what can be flushed.
func (l *metricsLog) close() error {
	err := l.flush()
	if e := l.file.Close(); err == nil {
		err = e
	}
	return err
}
