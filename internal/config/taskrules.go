package config

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// taskKind is a kind of task: the keys it reads and the rules they keep.
type taskKind struct {
	name  string
	keys  []string
	rules func(t Task) error
}

var taskKinds = []taskKind{
	{"mqar", []string{"vocab", "pairs", "power", "filler"}, mqarRules},
	{"varkey", []string{"pairs", "power", "filler", "key_tokens", "key_min", "key_max", "key_endings", "key_length", "values"}, varkeyRules},
	{"language", []string{"vocab", "zipf", "classes", "grammar", "topics", "topic_share", "name_rate", "name_repeat", "name_max"}, languageRules},
	{"text", []string{"files", "valid_fraction"}, textRules},
	{"mad-recall", []string{"vocab"}, madRecallRules},
	{"mad-noisy", []string{"vocab", "noise_tokens", "noise_fraction"}, madRecallRules},
	{"mad-fuzzy", []string{"vocab", "key_max", "value_max"}, madFuzzyRules},
	{"mad-copy", []string{"vocab", "copy_tokens"}, madCopyRules},
	{"mad-compress", []string{"vocab"}, madCompressRules},
	{"mad-memorize", []string{"vocab"}, madMemorizeRules},
}

// TaskKinds are the values of task.kind.
func TaskKinds() []string {
	var names []string
	for _, k := range taskKinds {
		names = append(names, k.name)
	}
	return names
}

// TaskKeys are the keys that a kind reads, without the prefix task.; nil for a
// kind that does not exist.
func TaskKeys(kind string) []string {
	for _, k := range taskKinds {
		if k.name == kind {
			return append([]string{"kind", "seq_len", "train_examples"}, k.keys...)
		}
	}
	return nil
}

// MaxVocab is the largest vocabulary of a generator, that of the paper's models.
const MaxVocab = 100352

// Validate checks the rules of the task's kind. Its error is the first Violation.
func (t Task) Validate() error {
	i := slices.IndexFunc(taskKinds, func(k taskKind) bool { return k.name == t.Kind })
	if i < 0 {
		return Violation{"task.kind", "must be one of " + strings.Join(TaskKinds(), ", "), t.Kind}
	}
	return first(
		between("task.seq_len", t.SeqLen, 2, 1<<20),
		between("task.train_examples", t.TrainExamples, 0, math.MaxInt32),
		func() error { return taskKinds[i].rules(t) },
	)
}

func mqarRules(t Task) error {
	return first(
		between("task.pairs", t.Pairs, 1, math.MaxInt32/4),
		check("task.seq_len", t.SeqLen, t.SeqLen%2 == 0, "must be even, for queries stand in slots of two"),
		check("task.seq_len", t.SeqLen, t.SeqLen >= 4*t.Pairs, "must be at least 4 times task.pairs (4 x %d = %d)", t.Pairs, 4*t.Pairs),
		between("task.vocab", t.Vocab, 4, MaxVocab),
		check("task.vocab", t.Vocab, t.Vocab/2-1 >= t.Pairs, "must be at least %d, for task.pairs: %d needs as many keys in [1, vocab/2)", 2*t.Pairs+2, t.Pairs),
		within("task.power", t.Power, -8, 8),
		oneOf("task.filler", t.Filler, "random", "blank"),
	)
}

func varkeyRules(t Task) error {
	endings := t.Endings()
	group := 0
	if endings > 0 {
		group = (t.Pairs + endings - 1) / endings
	}
	width := 2 * t.Pairs * (t.KeyMax + 1)
	return first(
		between("task.pairs", t.Pairs, 2, 1<<16),
		between("task.key_tokens", t.KeyTokens, 1, MaxVocab/2),
		between("task.key_max", t.KeyMax, 1, 8),
		between("task.key_min", t.KeyMin, 1, t.KeyMax),
		oneOf("task.key_length", t.KeyLength, "free", "ending", "lag"),
		check("task.key_max", t.KeyMax, t.KeyLength != "lag" || t.KeyMax >= 2, "must be at least 2 with task.key_length: lag, or there is nothing to point at"),
		check("task.key_min", t.KeyMin, t.KeyLength != "ending" || t.KeyMin >= 2, "must be at least 2 with task.key_length: ending, or a key of one token is its ending"),
		oneOf("task.filler", t.Filler, "random", "blank", "keys"),
		check("task.filler", t.Filler, t.Filler != "keys" || t.KeyLength != "free", "must be random or blank with task.key_length: free, or nothing tells where a key starts"),
		check("task.key_endings", t.KeyEndings, t.KeyEndings >= 0 && endings <= t.KeyTokens && 2*endings <= t.Pairs, "must be from 0 to task.key_tokens %d and to half of task.pairs %d, so that two keys share an ending", t.KeyTokens, t.Pairs),
		check("task.key_tokens", t.KeyTokens, float64(group) <= keysPerEnding(t), "must be larger: %d keys share an ending, and there are only %.0f with task.key_length: %s", group, keysPerEnding(t), t.KeyLength),
		check("task.seq_len", t.SeqLen, t.SeqLen >= width, "must be at least 2 x task.pairs x (task.key_max + 1) (2 x %d x %d = %d)", t.Pairs, t.KeyMax+1, width),
		between("task.values", t.Values, t.Pairs, MaxVocab/2-1),
		within("task.power", t.Power, -8, 8),
	)
}

// Endings is the number of different last tokens of a varkey sequence's keys.
func (t Task) Endings() int {
	if t.KeyEndings != 0 {
		return t.KeyEndings
	}
	return max(1, min(t.KeyTokens, t.Pairs/2))
}

// keysPerEnding is how many different keys with the same last token an example can
// surely have: those of the shortest length where the ending tells the length, one for
// each token where it tells which one counts, and those of all lengths otherwise.
func keysPerEnding(t Task) float64 {
	longest := min(t.KeyMax, 8)
	switch t.KeyLength {
	case "ending":
		longest = t.KeyMin
	case "lag":
		return float64(t.KeyTokens)
	}
	sum := 0.0
	for l := max(1, t.KeyMin); l <= longest; l++ {
		sum += math.Pow(float64(t.KeyTokens), float64(l-1))
	}
	return sum
}

func languageRules(t Task) error {
	return first(
		between("task.vocab", t.Vocab, 8, MaxVocab),
		within("task.zipf", t.Zipf, 0, 4),
		between("task.classes", t.Classes, 1, 1024),
		between("task.topics", t.Topics, 1, 256),
		within("task.grammar", t.Grammar, 0, 1),
		within("task.topic_share", t.TopicShare, 0, 1),
		check("task.grammar", t.Grammar, t.Grammar+t.TopicShare <= 1, "must leave room for task.topic_share %v: together at most 1", t.TopicShare),
		within("task.name_rate", t.NameRate, 0, 1),
		within("task.name_repeat", t.NameRepeat, 0, 1),
		between("task.name_max", t.NameMax, 2, 16),
	)
}

func textRules(t Task) error {
	return first(
		check("task.files", t.Files, len(t.Files) > 0, "must name at least one glob, such as $GOROOT/src/**/*.go"),
		check("task.valid_fraction", t.ValidFraction, t.ValidFraction > 0 && t.ValidFraction < 1, "must be between 0 and 1, both excluded"),
	)
}

func madRecallRules(t Task) error {
	noise := 0
	if t.Kind == "mad-noisy" {
		noise = t.NoiseTokens
	}
	return first(
		check("task.seq_len", t.SeqLen, t.SeqLen%2 == 0 && t.SeqLen >= 4, "must be even and at least 4"),
		between("task.noise_tokens", noise, 0, MaxVocab),
		check("task.noise_tokens", noise, t.Kind != "mad-noisy" || noise > 0, "must be at least 1"),
		between("task.vocab", t.Vocab, noise+2, MaxVocab),
		check("task.noise_fraction", t.NoiseFraction, t.NoiseFraction >= 0 && t.NoiseFraction < 1, "must be at least 0 and less than 1"),
	)
}

func madFuzzyRules(t Task) error {
	keys := (t.Vocab - 1) / 2
	room := 3 * (t.KeyMax + t.ValueMax)
	return first(
		between("task.vocab", t.Vocab, 4, MaxVocab),
		between("task.key_max", t.KeyMax, 1, 8),
		between("task.value_max", t.ValueMax, 1, 8),
		check("task.key_max", t.KeyMax, t.KeyMax <= keys, "must be at most %d, the key tokens of task.vocab %d: a key's tokens differ", keys, t.Vocab),
		check("task.value_max", t.ValueMax, t.ValueMax <= t.Vocab-1-keys, "must be at most %d, the value tokens of task.vocab %d: a value's tokens differ", t.Vocab-1-keys, t.Vocab),
		check("task.seq_len", t.SeqLen, t.SeqLen >= room, "must be at least 3 x (task.key_max + task.value_max) = %d, or the probe may not fit into the body", room),
	)
}

func madCopyRules(t Task) error {
	return first(
		between("task.vocab", t.Vocab, 3, MaxVocab),
		between("task.copy_tokens", t.CopyTokens, 1, math.MaxInt32/4),
		check("task.seq_len", t.SeqLen, t.SeqLen > 2*t.CopyTokens+1, "must be more than 2 x task.copy_tokens + 1 = %d", 2*t.CopyTokens+1),
	)
}

func madCompressRules(t Task) error { return between("task.vocab", t.Vocab, 2, MaxVocab)() }

func madMemorizeRules(t Task) error {
	return first(
		check("task.seq_len", t.SeqLen, t.SeqLen%2 == 0, "must be even"),
		between("task.vocab", t.Vocab, 3, MaxVocab),
	)
}

// first runs rules until one fails; later rules may rely on earlier ones.
func first(rules ...func() error) error {
	for _, rule := range rules {
		if err := rule(); err != nil {
			return err
		}
	}
	return nil
}

func check(key string, value any, ok bool, rule string, args ...any) func() error {
	return func() error {
		if ok {
			return nil
		}
		return Violation{key, fmt.Sprintf(rule, args...), value}
	}
}

func between(key string, value, lo, hi int) func() error {
	return check(key, value, lo <= value && value <= hi, "must be from %d to %d", lo, hi)
}

func within(key string, value, lo, hi float64) func() error {
	return check(key, value, lo <= value && value <= hi, "must be from %v to %v", lo, hi)
}

func oneOf(key, value string, allowed ...string) func() error {
	return check(key, value, slices.Contains(allowed, value), "must be %s", strings.Join(allowed, " or "))
}
