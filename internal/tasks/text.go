package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// text is the bytes of files, each byte a token:
//
//	tokens   f u n c   m a i
//	targets  u n c   m a i n     the next byte, everywhere
//
// Whole files are held out from training: those whose name, relative to the root of
// the glob, has a hash below task.valid_fraction. The valid and the test split are
// different windows of them. The files of a side stand one after the other with a zero
// byte between; an example is a window that starts anywhere, all places equally
// likely.
type text struct {
	base
	files [2]int    // in training, and held out
	sides [2][]byte // their bytes
	pool  sync.Pool // of *rng.Source
}

// CorpusBytes is the memory of the text that a task holds, known from the sizes of its
// files before any is read: 0 for a task of another kind.
func CorpusBytes(c config.Task) (int64, error) {
	if c.Kind != "text" {
		return 0, nil
	}
	files, err := findFiles(c.Files)
	if err != nil {
		return 0, fmt.Errorf("tasks: %w", err)
	}
	total := int64(0)
	for _, f := range files {
		total += 1 + f.size
	}
	return total, nil
}

func newText(b base, c config.Task) (*text, error) {
	files, err := findFiles(c.Files)
	if err != nil {
		return nil, err
	}
	t := &text{base: b}
	t.pool.New = func() any { return new(rng.Source) }
	// The whole corpus is held, so its room is made once: growing it would take twice as
	// much.
	sides := make([]int, len(files))
	var room [2]int64
	for i, f := range files {
		if rng.New(0, rng.Label(f.name)).Float64() < c.ValidFraction {
			sides[i] = 1
		}
		room[sides[i]] += 1 + f.size
	}
	for side := range t.sides {
		t.sides[side] = make([]byte, 0, room[side])
	}
	for i, f := range files {
		side := sides[i]
		if t.files[side] > 0 {
			t.sides[side] = append(t.sides[side], 0)
		}
		t.files[side]++
		if t.sides[side], err = appendFile(t.sides[side], f); err != nil {
			return nil, fmt.Errorf("task.files: %w", err)
		}
	}
	for side, what := range []string{"training", "validation"} {
		if have, need := len(t.sides[side]), c.SeqLen+1; have < need {
			return nil, fmt.Errorf("task.files: the %d files kept for %s have %d bytes; a window of task.seq_len %d needs %d: name more files, or change task.valid_fraction %v", t.files[side], what, have, c.SeqLen, need, c.ValidFraction)
		}
	}
	return t, nil
}

// appendFile appends the bytes of a file, for which there is room.
func appendFile(to []byte, file textFile) ([]byte, error) {
	f, err := os.Open(file.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	at := len(to)
	to = to[:at+int(file.size)]
	if _, err := io.ReadFull(f, to[at:]); err != nil {
		return nil, fmt.Errorf("%s has become shorter than %d bytes while it was read: %w", file.path, file.size, err)
	}
	return to, nil
}

func (t *text) Example(split Split, index uint64, tokens, targets []int32) {
	src := t.pool.Get().(*rng.Source)
	defer t.pool.Put(src)
	t.stream(src, split, index)
	bytes := t.sides[0]
	if split != Train {
		bytes = t.sides[1]
	}
	window := bytes[src.IntN(len(bytes)-t.seqLen):]
	for i := range tokens {
		tokens[i], targets[i] = int32(window[i]), int32(window[i+1])
	}
}

// CorpusHash tells apart where training ends and what is held out begins.
func (t *text) CorpusHash() string {
	sum := sha256.New()
	for _, side := range t.sides {
		fmt.Fprintln(sum, len(side))
		sum.Write(side)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (t *text) annotate(split Split, index uint64, tokens, targets []int32, _ []string) string {
	t.Example(split, index, tokens, targets)
	return fmt.Sprintf("%d files with %d bytes to train on, %d with %d bytes held out; each label is the next byte\n␣ space, ↵ newline, ⇥ tab", t.files[0], len(t.sides[0]), t.files[1], len(t.sides[1]))
}

// symbol shows a byte as a letter, or as hexadecimal digits.
func (t *text) symbol(token int32) string {
	switch {
	case token == ' ':
		return "␣"
	case token == '\n':
		return "↵"
	case token == '\t':
		return "⇥"
	case token > ' ' && token < 0x7f:
		return string(rune(token))
	}
	return fmt.Sprintf("\\x%02x", token)
}
