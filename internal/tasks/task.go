// Package tasks makes the data: associative recall, synthetic language, text and the
// MAD benchmark. Every example is a pure function of (seed, split, index), so there is
// no state to save, and a batch is the same bytes on every platform: draws use
// integers only, or numbers that rng.Pow gives the same bits everywhere.
//
// What may not enter this room: models, training, run directories.
package tasks

import (
	"fmt"
	"strings"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// Ignore is the target of a position without a label.
const Ignore = -100

// Split is a part of the data.
type Split uint8

// The splits. Train and the others never share an example's random stream.
const (
	Train Split = iota
	Valid
	Test
)

var splitNames = [...]string{"train", "valid", "test"}

func (s Split) String() string { return splitNames[s] }

// ParseSplit reads the name of a split: train, valid or test.
func ParseSplit(name string) (Split, error) {
	for i, n := range splitNames {
		if n == name {
			return Split(i), nil
		}
	}
	return 0, fmt.Errorf("tasks: split %q: must be one of %s", name, strings.Join(splitNames[:], ", "))
}

// Task generates examples. A Task is safe for concurrent use.
type Task interface {
	// Name is the kind in the configuration.
	Name() string
	// Vocab is the number of tokens; every token is in [0, Vocab).
	Vocab() int
	// SeqLen is the length T of an example.
	SeqLen() int
	// Example writes example index of a split into tokens and targets, both of
	// length SeqLen. Unlabelled targets are Ignore.
	Example(split Split, index uint64, tokens, targets []int32)
}

// Oracle is a Task that knows its own conditional probabilities.
type Oracle interface {
	Task
	// OracleLoss is the mean loss in nats over the labelled positions of an
	// example that the generator itself would have, and their number.
	OracleLoss(split Split, index uint64) (nats float64, labelled int)
}

// Grouped is a Task whose labels are of several kinds, some harder than others.
type Grouped interface {
	Task
	// GroupName says what Group tells apart, such as "key length".
	GroupName() string
	// Group is the kind of the label at a position of an example.
	Group(tokens []int32, at int) int
}

// Corpus is a Task that reads files, which may change between two processes of a run.
type Corpus interface {
	Task
	// CorpusHash is the hash of all bytes that examples come from.
	CorpusHash() string
}

// Batch is B examples side by side, [B,T] row-major.
type Batch struct {
	B, T            int
	Tokens, Targets []int32
}

// Fill writes batch number index of a split: examples index*B to index*B+B-1.
func Fill(t Task, split Split, index uint64, b *Batch) {
	for i := range b.B {
		row := b.T * i
		t.Example(split, index*uint64(b.B)+uint64(i), b.Tokens[row:row+b.T], b.Targets[row:row+b.T])
	}
}

// base is what all tasks have.
type base struct {
	name          string
	label         uint64
	seed          uint64
	vocab, seqLen int
	trainExamples uint64 // 0: no end
}

func newBase(c config.Task, seed int64) base {
	return base{
		name: c.Kind, label: rng.Label(c.Kind), seed: uint64(seed),
		vocab: c.Vocabulary(), seqLen: c.SeqLen, trainExamples: uint64(c.TrainExamples),
	}
}

func (b *base) Name() string { return b.name }
func (b *base) Vocab() int   { return b.vocab }
func (b *base) SeqLen() int  { return b.seqLen }

// stream makes src the random stream of an example. A finite training set repeats.
func (b *base) stream(src *rng.Source, split Split, index uint64) {
	if split == Train && b.trainExamples > 0 {
		index %= b.trainExamples
	}
	src.Reset(b.seed, b.label, uint64(split), index)
}

// unlabel takes the label from every position.
func unlabel(targets []int32) {
	for i := range targets {
		targets[i] = Ignore
	}
}
