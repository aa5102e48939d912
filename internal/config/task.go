package config

// Task names the data. Only the keys of the named kind matter; the others must be
// left out.
type Task struct {
	Kind   string `mapstructure:"kind" yaml:"kind"`
	SeqLen int    `mapstructure:"seq_len" yaml:"seq_len"` // T

	// Recall.
	Pairs     int     `mapstructure:"pairs" yaml:"pairs"`           // n, key-value pairs of a sequence
	Vocab     int     `mapstructure:"vocab" yaml:"vocab"`           // tokens of the generator
	Power     float64 `mapstructure:"power" yaml:"power"`           // a of MQAR's query positions
	Filler    string  `mapstructure:"filler" yaml:"filler"`         // random | blank: what stands between queries
	KeyTokens int     `mapstructure:"key_tokens" yaml:"key_tokens"` // variable keys: alphabet that keys are made of
	KeyMax    int     `mapstructure:"key_max" yaml:"key_max"`       // variable keys: longest key
	Values    int     `mapstructure:"values" yaml:"values"`         // variable keys: number of values

	// Text.
	Files         []string `mapstructure:"files" yaml:"files"` // globs; $GOROOT is the built-in example
	ValidFraction float64  `mapstructure:"valid_fraction" yaml:"valid_fraction"`

	// Finite training sets: examples of the train split before it repeats; 0: never.
	TrainExamples int `mapstructure:"train_examples" yaml:"train_examples"`
}

// Vocabulary is the number of tokens of the task, which a model needs at least.
func (t Task) Vocabulary() int { return t.Vocab }

func defaultTask() Task {
	return Task{Kind: "mqar", SeqLen: 64, Pairs: 4, Vocab: 256, Power: 0.01, Filler: "random", KeyTokens: 8, KeyMax: 3, Values: 32, ValidFraction: 0.1}
}
