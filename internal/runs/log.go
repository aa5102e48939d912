package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
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

// covers says whether data begins with what was there when the mark was made.
func (m mark) covers(data []byte) bool {
	if m.Size == 0 {
		return true
	}
	if int64(len(data)) < m.Size {
		return false
	}
	sum := sha256.Sum256(data[:m.Size])
	return hex.EncodeToString(sum[:]) == m.SHA256
}

// metricsLog appends to metrics.jsonl. Lines wait in memory for up to a second;
// Sync puts all of them on disk.
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
// cannot be made again, so what can be read of it is kept.
func openLog(f FS, step int, at mark, warn func(error)) (*metricsLog, error) {
	data, err := readFile(f, metricsFile, MaxMetrics)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l := &metricsLog{sum: sha256.New(), flushed: time.Now()}
	keep := data[:min(int64(len(data)), at.Size)]
	if !at.covers(keep) {
		list, err := parseMetrics(keep)
		keep = nil
		for _, m := range list {
			if m.Step <= step {
				keep = m.appendTo(keep)
			}
		}
		if err == nil {
			err = errors.New("it is not what was written")
		}
		warn(fmt.Errorf("%s: lines up to step %d were changed or lost: %w; %d of %d lines are kept", metricsFile, step, err, len(list), step))
	}
	if len(keep) != len(data) || len(data) == 0 {
		if err := replaceFile(f, metricsFile, keep); err != nil {
			return nil, err
		}
	}
	if list, _ := parseMetrics(keep); len(list) > 0 {
		l.last = list[len(list)-1]
	}
	l.sum.Write(keep)
	l.size = int64(len(keep))
	l.file, err = f.Append(metricsFile)
	return l, err
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
