package config

// Task names the data. A kind reads the keys that TaskKeys lists for it; the rest
// change nothing.
type Task struct {
	Kind   string `mapstructure:"kind" yaml:"kind"`       // one of TaskKinds
	SeqLen int    `mapstructure:"seq_len" yaml:"seq_len"` // T
	Vocab  int    `mapstructure:"vocab" yaml:"vocab"`     // tokens of the generator

	// Finite training sets: examples of the train split before it repeats; 0: never.
	TrainExamples int `mapstructure:"train_examples" yaml:"train_examples"`

	// Recall: mqar and varkey.
	Pairs  int     `mapstructure:"pairs" yaml:"pairs"`   // n, key-value pairs of a sequence
	Power  float64 `mapstructure:"power" yaml:"power"`   // a of the query positions; 1: uniform
	Filler string  `mapstructure:"filler" yaml:"filler"` // random | blank | keys: what stands between queries

	// Variable keys: varkey; key_max also bounds the keys of mad-fuzzy.
	KeyTokens  int    `mapstructure:"key_tokens" yaml:"key_tokens"`   // alphabet that keys are made of
	KeyMin     int    `mapstructure:"key_min" yaml:"key_min"`         // shortest key
	KeyMax     int    `mapstructure:"key_max" yaml:"key_max"`         // longest key
	KeyEndings int    `mapstructure:"key_endings" yaml:"key_endings"` // different last tokens in a sequence; 0: as many as there can be
	KeyLength  string `mapstructure:"key_length" yaml:"key_length"`   // free | ending | lag: what the last token tells
	Values     int    `mapstructure:"values" yaml:"values"`           // number of value tokens

	// Synthetic language.
	Zipf       float64 `mapstructure:"zipf" yaml:"zipf"`               // exponent of the word frequencies
	Classes    int     `mapstructure:"classes" yaml:"classes"`         // word classes that the grammar sees
	Grammar    float64 `mapstructure:"grammar" yaml:"grammar"`         // share of words that follow from the two before
	Topics     int     `mapstructure:"topics" yaml:"topics"`           // topics, of which a document has one
	TopicShare float64 `mapstructure:"topic_share" yaml:"topic_share"` // share of words drawn from the topic
	NameRate   float64 `mapstructure:"name_rate" yaml:"name_rate"`     // chance that a name follows a word
	NameRepeat float64 `mapstructure:"name_repeat" yaml:"name_repeat"` // chance that a name is one of the document's earlier ones
	NameMax    int     `mapstructure:"name_max" yaml:"name_max"`       // tokens of the longest name

	// Text.
	Files         []string `mapstructure:"files" yaml:"files"`                   // globs; $GOROOT is the built-in example
	ValidFraction float64  `mapstructure:"valid_fraction" yaml:"valid_fraction"` // share of the files held out

	// MAD.
	NoiseTokens   int     `mapstructure:"noise_tokens" yaml:"noise_tokens"`     // tokens of vocab that are noise
	NoiseFraction float64 `mapstructure:"noise_fraction" yaml:"noise_fraction"` // share of noise pairs
	ValueMax      int     `mapstructure:"value_max" yaml:"value_max"`           // longest value of mad-fuzzy
	CopyTokens    int     `mapstructure:"copy_tokens" yaml:"copy_tokens"`       // tokens to copy
}

// Vocabulary is the number of tokens of the task, which a model needs at least.
func (t Task) Vocabulary() int {
	switch t.Kind {
	case "varkey":
		return 1 + t.KeyTokens + t.Values
	case "text":
		return 256
	}
	return t.Vocab
}

// IsLM says whether the task is language modelling, where loss counts; all others are
// recall, where accuracy does.
func (t Task) IsLM() bool { return t.Kind == "language" || t.Kind == "text" }

// HasPairs says whether a sequence starts with task.pairs keys and their values, each of
// which is asked for once.
func (t Task) HasPairs() bool { return t.Kind == "mqar" || t.Kind == "varkey" }

func defaultTask() Task {
	return Task{
		Kind: "mqar", SeqLen: 64, Vocab: 256,
		Pairs: 4, Power: 0.01, Filler: "random",
		KeyTokens: 8, KeyMin: 1, KeyMax: 3, KeyLength: "free", Values: 32,
		Zipf: 1, Classes: 4, Grammar: 0.5, Topics: 4, TopicShare: 0.2, NameRate: 0.15, NameRepeat: 0.75, NameMax: 4,
		ValidFraction: 0.1,
		NoiseTokens:   16, NoiseFraction: 0.2, ValueMax: 3, CopyTokens: 16,
	}
}
