package config

import (
	"math"
	"slices"
)

// taskKind is a kind of task: the keys it reads and the rules they keep.
type taskKind struct {
	name  string
	keys  []string
	rules func(r *rules, t Task) bool // stops at the first that is broken: later ones may rely on it
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

// Validate checks the rules of the task's kind. Its error is the first Problem.
func (t Task) Validate() error {
	i := slices.IndexFunc(taskKinds, func(k taskKind) bool { return k.name == t.Kind })
	r := &rules{}
	if r.oneOf("task.kind", t.Kind, TaskKinds()...) &&
		r.between("task.seq_len", t.SeqLen, 2, 1<<20) &&
		r.between("task.train_examples", t.TrainExamples, 0, math.MaxInt32) &&
		taskKinds[i].rules(r, t) {
		return nil
	}
	return r.list[0]
}

func mqarRules(r *rules, t Task) bool {
	return r.between("task.pairs", t.Pairs, 1, math.MaxInt32/4) &&
		r.need(t.SeqLen%2 == 0, "task.seq_len", t.SeqLen, "must be even, for queries stand in slots of two") &&
		r.need(t.SeqLen >= 4*t.Pairs, "task.seq_len", t.SeqLen, "must be at least 4 times task.pairs (4 x %d = %d)", t.Pairs, 4*t.Pairs) &&
		r.between("task.vocab", t.Vocab, 4, MaxVocab) &&
		r.need(t.Vocab/2-1 >= t.Pairs, "task.vocab", t.Vocab, "must be at least %d, for task.pairs: %d needs as many keys in [1, vocab/2)", 2*t.Pairs+2, t.Pairs) &&
		r.within("task.power", t.Power, -8, 8) &&
		r.oneOf("task.filler", t.Filler, "random", "blank")
}

func varkeyRules(r *rules, t Task) bool {
	endings := t.Endings()
	group := 0
	if endings > 0 {
		group = (t.Pairs + endings - 1) / endings
	}
	width := 2 * t.Pairs * (t.KeyMax + 1)
	return r.between("task.pairs", t.Pairs, 2, 1<<16) &&
		r.between("task.key_tokens", t.KeyTokens, 1, MaxVocab/2) &&
		r.between("task.key_max", t.KeyMax, 1, 8) &&
		r.between("task.key_min", t.KeyMin, 1, t.KeyMax) &&
		r.oneOf("task.key_length", t.KeyLength, "free", "ending", "lag") &&
		r.need(t.KeyLength != "lag" || t.KeyMax >= 2, "task.key_max", t.KeyMax, "must be at least 2 with task.key_length: lag, or there is nothing to point at") &&
		r.need(t.KeyLength != "ending" || t.KeyMin >= 2, "task.key_min", t.KeyMin, "must be at least 2 with task.key_length: ending, or a key of one token is its ending") &&
		r.oneOf("task.filler", t.Filler, "random", "blank", "keys") &&
		r.need(t.Filler != "keys" || t.KeyLength != "free", "task.filler", t.Filler, "must be random or blank with task.key_length: free, or nothing tells where a key starts") &&
		r.need(t.KeyEndings >= 0 && endings <= t.KeyTokens && 2*endings <= t.Pairs, "task.key_endings", t.KeyEndings, "must be from 0 to task.key_tokens %d and to half of task.pairs %d, so that two keys share an ending", t.KeyTokens, t.Pairs) &&
		r.need(float64(group) <= keysPerEnding(t), "task.key_tokens", t.KeyTokens, "must be larger: %d keys share an ending, and there are only %.0f with task.key_length: %s", group, keysPerEnding(t), t.KeyLength) &&
		r.need(t.SeqLen >= width, "task.seq_len", t.SeqLen, "must be at least 2 x task.pairs x (task.key_max + 1) (2 x %d x %d = %d)", t.Pairs, t.KeyMax+1, width) &&
		r.between("task.values", t.Values, t.Pairs, MaxVocab/2-1) &&
		r.within("task.power", t.Power, -8, 8)
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

func languageRules(r *rules, t Task) bool {
	return r.between("task.vocab", t.Vocab, 8, MaxVocab) &&
		r.within("task.zipf", t.Zipf, 0, 4) &&
		r.between("task.classes", t.Classes, 1, 1024) &&
		r.between("task.topics", t.Topics, 1, 256) &&
		r.within("task.grammar", t.Grammar, 0, 1) &&
		r.within("task.topic_share", t.TopicShare, 0, 1) &&
		r.need(t.Grammar+t.TopicShare <= 1, "task.grammar", t.Grammar, "must leave room for task.topic_share %v: together at most 1", t.TopicShare) &&
		r.within("task.name_rate", t.NameRate, 0, 1) &&
		r.within("task.name_repeat", t.NameRepeat, 0, 1) &&
		r.between("task.name_max", t.NameMax, 2, 16)
}

func textRules(r *rules, t Task) bool {
	return r.need(len(t.Files) > 0, "task.files", t.Files, "must name at least one glob, such as $GOROOT/src/**/*.go") &&
		r.need(t.ValidFraction > 0 && t.ValidFraction < 1, "task.valid_fraction", t.ValidFraction, "must be between 0 and 1, both excluded")
}

func madRecallRules(r *rules, t Task) bool {
	noise := 0
	if t.Kind == "mad-noisy" {
		noise = t.NoiseTokens
	}
	return r.need(t.SeqLen%2 == 0 && t.SeqLen >= 4, "task.seq_len", t.SeqLen, "must be even and at least 4") &&
		r.between("task.noise_tokens", noise, 0, MaxVocab) &&
		r.need(t.Kind != "mad-noisy" || noise > 0, "task.noise_tokens", noise, "must be at least 1") &&
		r.between("task.vocab", t.Vocab, noise+2, MaxVocab) &&
		r.need(t.NoiseFraction >= 0 && t.NoiseFraction < 1, "task.noise_fraction", t.NoiseFraction, "must be at least 0 and less than 1")
}

func madFuzzyRules(r *rules, t Task) bool {
	keys := (t.Vocab - 1) / 2
	room := 3 * (t.KeyMax + t.ValueMax)
	return r.between("task.vocab", t.Vocab, 4, MaxVocab) &&
		r.between("task.key_max", t.KeyMax, 1, 8) &&
		r.between("task.value_max", t.ValueMax, 1, 8) &&
		r.need(t.KeyMax <= keys, "task.key_max", t.KeyMax, "must be at most %d, the key tokens of task.vocab %d: a key's tokens differ", keys, t.Vocab) &&
		r.need(t.ValueMax <= t.Vocab-1-keys, "task.value_max", t.ValueMax, "must be at most %d, the value tokens of task.vocab %d: a value's tokens differ", t.Vocab-1-keys, t.Vocab) &&
		r.need(t.SeqLen >= room, "task.seq_len", t.SeqLen, "must be at least 3 x (task.key_max + task.value_max) = %d, or the probe may not fit into the body", room)
}

func madCopyRules(r *rules, t Task) bool {
	return r.between("task.vocab", t.Vocab, 3, MaxVocab) &&
		r.between("task.copy_tokens", t.CopyTokens, 1, math.MaxInt32/4) &&
		r.need(t.SeqLen > 2*t.CopyTokens+1, "task.seq_len", t.SeqLen, "must be more than 2 x task.copy_tokens + 1 = %d", 2*t.CopyTokens+1)
}

func madCompressRules(r *rules, t Task) bool { return r.between("task.vocab", t.Vocab, 2, MaxVocab) }

func madMemorizeRules(r *rules, t Task) bool {
	return r.need(t.SeqLen%2 == 0, "task.seq_len", t.SeqLen, "must be even") &&
		r.between("task.vocab", t.Vocab, 3, MaxVocab)
}
