package config

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// goodTask is a valid task of each kind.
func goodTask(kind string) Task {
	t := defaultTask()
	t.Kind = kind
	switch {
	case kind == "varkey":
		t.Pairs = 8
	case kind == "text":
		t.Files = []string{"*.go"}
	case strings.HasPrefix(kind, "mad-"):
		t.Vocab, t.SeqLen = 32, 128
	}
	return t
}

func TestEveryKindHasAGoodTask(t *testing.T) {
	for _, kind := range TaskKinds() {
		if err := goodTask(kind).Validate(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestTaskRules breaks each rule once and reads the message that follows.
func TestTaskRules(t *testing.T) {
	for _, c := range []struct {
		kind   string
		change func(*Task)
		want   string
	}{
		{"mqar", func(t *Task) { t.Kind = "mqra" }, `task.kind: must be one of mqar, varkey, language, text, mad-recall, mad-noisy, mad-fuzzy, mad-copy, mad-compress, mad-memorize (did you mean mqar?), got "mqra"`},
		{"mqar", func(t *Task) { t.SeqLen = 1 }, "task.seq_len: must be from 2 to 1048576, got 1"},
		{"mqar", func(t *Task) { t.TrainExamples = -1 }, "task.train_examples: must be from 0 to 2147483647, got -1"},
		{"mqar", func(t *Task) { t.Pairs = 0 }, "task.pairs: must be from 1 to 536870911, got 0"},
		{"mqar", func(t *Task) { t.SeqLen = 65 }, "task.seq_len: must be even, for queries stand in slots of two, got 65"},
		{"mqar", func(t *Task) { t.Pairs = 20 }, "task.seq_len: must be at least 4 times task.pairs (4 x 20 = 80), got 64"},
		{"mqar", func(t *Task) { t.Vocab = 9 }, "task.vocab: must be at least 10, for task.pairs: 4 needs as many keys in [1, vocab/2), got 9"},
		{"mqar", func(t *Task) { t.Power = math.NaN() }, "task.power: must be from -8 to 8, got NaN"},
		{"mqar", func(t *Task) { t.Filler = "keys" }, `task.filler: must be one of random, blank, got "keys"`},
		{"varkey", func(t *Task) { t.Pairs = 1 }, "task.pairs: must be from 2 to 65536, got 1"},
		{"varkey", func(t *Task) { t.KeyMin = 4 }, "task.key_min: must be from 1 to 3, got 4"},
		{"varkey", func(t *Task) { t.KeyMax = 1 << 30 }, "task.key_max: must be from 1 to 8, got 1073741824"},
		{"varkey", func(t *Task) { t.KeyLength = "ending" }, "task.key_min: must be at least 2 with task.key_length: ending, or a key of one token is its ending, got 1"},
		{"varkey", func(t *Task) { t.Filler = "keys" }, `task.filler: must be random or blank with task.key_length: free, or nothing tells where a key starts, got "keys"`},
		{"varkey", func(t *Task) { t.KeyEndings = 5 }, "task.key_endings: must be from 0 to task.key_tokens 8 and to half of task.pairs 8, so that two keys share an ending, got 5"},
		{"varkey", func(t *Task) { t.KeyTokens, t.KeyMax = 4, 1 }, "task.key_tokens: must be larger: 2 keys share an ending, and there are only 1 with task.key_length: free, got 4"},
		{"varkey", func(t *Task) { t.KeyLength, t.KeyMax = "lag", 1 }, "task.key_max: must be at least 2 with task.key_length: lag, or there is nothing to point at, got 1"},
		{"varkey", func(t *Task) { t.KeyLength, t.KeyTokens, t.KeyEndings = "lag", 3, 1 }, "task.key_tokens: must be larger: 8 keys share an ending, and there are only 3 with task.key_length: lag, got 3"},
		{"varkey", func(t *Task) { t.SeqLen = 63 }, "task.seq_len: must be at least 2 x task.pairs x (task.key_max + 1) (2 x 8 x 4 = 64), got 63"},
		{"varkey", func(t *Task) { t.Values = 7 }, "task.values: must be from 8 to 50175, got 7"},
		{"language", func(t *Task) { t.Vocab = 100353 }, "task.vocab: must be from 8 to 100352, got 100353"},
		{"language", func(t *Task) { t.Grammar, t.TopicShare = 0.9, 0.2 }, "task.grammar: must leave room for task.topic_share 0.2: together at most 1, got 0.9"},
		{"language", func(t *Task) { t.NameMax = 1 }, "task.name_max: must be from 2 to 16, got 1"},
		{"text", func(t *Task) { t.Files = nil }, "task.files: must name at least one glob, such as $GOROOT/src/**/*.go, got []"},
		{"text", func(t *Task) { t.ValidFraction = 1 }, "task.valid_fraction: must be between 0 and 1, both excluded, got 1"},
		{"mad-recall", func(t *Task) { t.SeqLen = 3 }, "task.seq_len: must be even and at least 4, got 3"},
		{"mad-noisy", func(t *Task) { t.NoiseTokens = 31 }, "task.vocab: must be from 33 to 100352, got 32"},
		{"mad-noisy", func(t *Task) { t.NoiseTokens = 0 }, "task.noise_tokens: must be at least 1, got 0"},
		{"mad-noisy", func(t *Task) { t.NoiseFraction = 1 }, "task.noise_fraction: must be at least 0 and less than 1, got 1"},
		{"mad-fuzzy", func(t *Task) { t.Vocab = 6 }, "task.key_max: must be at most 2, the key tokens of task.vocab 6: a key's tokens differ, got 3"},
		{"mad-fuzzy", func(t *Task) { t.SeqLen = 17 }, "task.seq_len: must be at least 3 x (task.key_max + task.value_max) = 18, or the probe may not fit into the body, got 17"},
		{"mad-copy", func(t *Task) { t.SeqLen = 33 }, "task.seq_len: must be more than 2 x task.copy_tokens + 1 = 33, got 33"},
		{"mad-compress", func(t *Task) { t.Vocab = 1 }, "task.vocab: must be from 2 to 100352, got 1"},
		{"mad-memorize", func(t *Task) { t.SeqLen = 33 }, "task.seq_len: must be even, got 33"},
	} {
		task := goodTask(c.kind)
		c.change(&task)
		err := task.Validate()
		var p Problem
		if !errors.As(err, &p) || err.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", c.kind, err, c.want)
		}
	}
}

// TestTaskKeysExist holds the list of each kind's keys to the fields of Task, and
// every field to being read by some kind.
func TestTaskKeysExist(t *testing.T) {
	var fields, used []string
	for f := range reflect.TypeFor[Task]().Fields() {
		fields = append(fields, f.Tag.Get("mapstructure"))
	}
	for _, kind := range TaskKinds() {
		for _, key := range TaskKeys(kind) {
			if !slices.Contains(fields, key) {
				t.Errorf("%s: key %q does not exist", kind, key)
			}
			used = append(used, key)
		}
	}
	for _, f := range fields {
		if !slices.Contains(used, f) {
			t.Errorf("no kind reads key %q", f)
		}
	}
	if TaskKeys("nothing") != nil {
		t.Error("a kind that does not exist has keys")
	}
}
