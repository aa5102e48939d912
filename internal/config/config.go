// Package config is the schema of a run: its keys, their defaults and rules, and how
// files, environment and flags are layered into one resolved configuration.
//
// What may not enter this room: models, data, run directories.
package config

import "slices"

// Config is all that a run depends on. Two runs with equal resolved configurations
// give the same numbers, whatever Threads and the name are.
type Config struct {
	Name    string `mapstructure:"name" yaml:"name"`       // for people; not part of the identity
	Seed    int64  `mapstructure:"seed" yaml:"seed"`       // of initialisation and data
	Threads int    `mapstructure:"threads" yaml:"threads"` // 0: all; changes no result; not part of the identity

	// Labels say what the run is for: a sweep writes its name, the variant and the
	// values of its axes here. They are not part of the identity.
	Labels map[string]string `mapstructure:"labels" yaml:"labels,omitempty"`

	Model      Model      `mapstructure:"model" yaml:"model"`
	Conv       Conv       `mapstructure:"conv" yaml:"conv"`
	Task       Task       `mapstructure:"task" yaml:"task"`
	Optim      Optim      `mapstructure:"optim" yaml:"optim"`
	Train      Train      `mapstructure:"train" yaml:"train"`
	Checkpoint Checkpoint `mapstructure:"checkpoint" yaml:"checkpoint"`
	Memory     Memory     `mapstructure:"memory" yaml:"memory"`
}

// Model is the shape of the Transformer.
type Model struct {
	Vocab     int     `mapstructure:"vocab" yaml:"vocab"` // 0: as many tokens as the task has
	Dim       int     `mapstructure:"dim" yaml:"dim"`
	Layers    int     `mapstructure:"layers" yaml:"layers"`
	Heads     int     `mapstructure:"heads" yaml:"heads"`
	MLPDim    int     `mapstructure:"mlp_dim" yaml:"mlp_dim"` // inner size of SwiGLU; 0: no MLP
	Tied      bool    `mapstructure:"tied" yaml:"tied"`       // the output head is the embedding
	Position  string  `mapstructure:"position" yaml:"position"`
	RopeTheta float64 `mapstructure:"rope_theta" yaml:"rope_theta"`
	Head      string  `mapstructure:"head" yaml:"head"` // lm | autoencoder: the sequence is restored from its last vector (mad-compress)
	QKNorm    bool    `mapstructure:"qk_norm" yaml:"qk_norm"`
	NormEps   float64 `mapstructure:"norm_eps" yaml:"norm_eps"`
	InitStd   float64 `mapstructure:"init_std" yaml:"init_std"`
}

// Conv is the short convolution; kernels.Conv has the formulas.
type Conv struct {
	Kind       string    `mapstructure:"kind" yaml:"kind"`               // none | static | dynamic
	Filter     string    `mapstructure:"filter" yaml:"filter"`           // lowrank | headwise
	Width      int       `mapstructure:"width" yaml:"width"`             // W; 1 is a gate
	Rank       int       `mapstructure:"rank" yaml:"rank"`               // R of low-rank filters
	HeadSize   int       `mapstructure:"head_size" yaml:"head_size"`     // H, channels that share head-wise taps
	Placement  Placement `mapstructure:"placement" yaml:"placement"`     // qkv | all | a list of places
	Residual   bool      `mapstructure:"residual" yaml:"residual"`       // y + conv(y) instead of conv(y)
	StaticTaps bool      `mapstructure:"static_taps" yaml:"static_taps"` // static taps b beside dynamic ones
	Condition  string    `mapstructure:"condition" yaml:"condition"`     // self | shuffled | constant
	InitScale  float64   `mapstructure:"init_scale" yaml:"init_scale"`   // static taps start in U(±init_scale/sqrt(W))
}

// Active says whether there are convolutions at all.
func (c Conv) Active() bool { return c.Kind != "none" && len(c.Placement) > 0 }

// Placement lists the linear layers that a convolution follows.
type Placement []string

// Places are the names that a Placement may hold, in the order of the computation.
var Places = []string{"q", "k", "v", "o", "gate", "up", "down"}

// Has says whether place is in the list.
func (p Placement) Has(place string) bool { return slices.Contains(p, place) }

// Optim is AdamW and its schedule.
type Optim struct {
	LR          float64 `mapstructure:"lr" yaml:"lr"`
	ConvLRMult  float64 `mapstructure:"conv_lr_mult" yaml:"conv_lr_mult"` // times lr for the convolutions' parameters
	Warmup      float64 `mapstructure:"warmup" yaml:"warmup"`             // fraction of the steps
	MinLR       float64 `mapstructure:"min_lr" yaml:"min_lr"`             // fraction of lr at the end
	Beta1       float64 `mapstructure:"beta1" yaml:"beta1"`
	Beta2       float64 `mapstructure:"beta2" yaml:"beta2"`
	Eps         float64 `mapstructure:"eps" yaml:"eps"`
	WeightDecay float64 `mapstructure:"weight_decay" yaml:"weight_decay"`
	Clip        float64 `mapstructure:"clip" yaml:"clip"` // global gradient norm; 0: off
	// Spike guard: a step whose loss lies more than this many standard deviations
	// above the running mean is skipped; 0: off.
	SpikeSigma float64 `mapstructure:"spike_sigma" yaml:"spike_sigma"`
	MaxSkips   int     `mapstructure:"max_skips" yaml:"max_skips"` // consecutive skipped steps that end the run
}

// Train is the length of a run and its batches.
type Train struct {
	Steps          int     `mapstructure:"steps" yaml:"steps"`                       // 0: from tokens_per_param
	TokensPerParam float64 `mapstructure:"tokens_per_param" yaml:"tokens_per_param"` // used when steps is 0; of parameters outside the convolutions
	Batch          int     `mapstructure:"batch" yaml:"batch"`                       // sequences of an optimizer step
	MicroBatch     int     `mapstructure:"micro_batch" yaml:"micro_batch"`           // sequences at a time; 0: batch
	EvalEvery      int     `mapstructure:"eval_every" yaml:"eval_every"`             // steps; 0: only at the end
	EvalBatches    int     `mapstructure:"eval_batches" yaml:"eval_batches"`
	TargetAccuracy float64 `mapstructure:"target_accuracy" yaml:"target_accuracy"` // stop early at it; 0: never
}

// Checkpoint says when weights are saved.
type Checkpoint struct {
	Every int `mapstructure:"every" yaml:"every"` // steps; 0: only at the end
	Keep  int `mapstructure:"keep" yaml:"keep"`   // newest checkpoints that stay
}

// Memory trades arithmetic or exactness for memory; the defaults are exact.
type Memory struct {
	Recompute string `mapstructure:"recompute" yaml:"recompute"` // none | block: activations of a block are computed again for its backward pass
	Keep      int    `mapstructure:"keep" yaml:"keep,omitempty"` // layers, from the last on, whose activations are kept nevertheless
	Grads     string `mapstructure:"grads" yaml:"grads"`         // float32 | bf16
	Moments   string `mapstructure:"moments" yaml:"moments"`     // float32 | bf16
}

// Default is the configuration that a file starts from.
func Default() *Config {
	return &Config{
		Seed:       1,
		Model:      Model{Dim: 64, Layers: 2, Heads: 2, MLPDim: 176, Tied: true, Position: "rope", Head: "lm", RopeTheta: 10000, NormEps: 1e-5, InitStd: 0.02},
		Conv:       Conv{Kind: "none", Filter: "lowrank", Width: 4, Rank: 16, HeadSize: 16, Placement: Placement{"q", "k", "v"}, Residual: true, StaticTaps: true, Condition: "self", InitScale: 1},
		Task:       defaultTask(),
		Optim:      Optim{LR: 1e-3, ConvLRMult: 1, Warmup: 0.1, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, Clip: 1, MaxSkips: 10},
		Train:      Train{Steps: 100, TokensPerParam: 50, Batch: 32, EvalBatches: 4},
		Checkpoint: Checkpoint{Keep: 2},
		Memory:     Memory{Recompute: "none", Grads: "float32", Moments: "float32"},
	}
}
