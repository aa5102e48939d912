package cli

import (
	"strings"

	"dsconv/internal/config"
	"dsconv/internal/tasks"
)

// corpusPart names the text that a run holds among the parts of its memory.
const corpusPart = "text corpus"

// corpora are the sizes of text corpora by their files: the runs of a sweep share them,
// and a folder is looked through once.
type corpora map[string]int64

// bytes is the memory of a task's corpus. Where its files are not on this machine the
// first call says why, and it counts as 0.
func (s corpora) bytes(t config.Task) (int64, error) {
	key := t.Kind + "\x00" + strings.Join(t.Files, "\x00")
	if n, ok := s[key]; ok {
		return n, nil
	}
	n, err := tasks.CorpusBytes(t)
	s[key] = n
	return n, err
}
