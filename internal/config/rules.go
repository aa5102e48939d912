package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ValidName says whether a run may be called name, which is part of paths.
func ValidName(name string) bool { return nameRule.MatchString(name) }

// Validate says whether the values fit each other; the error is an *Error that
// names every rule that is broken.
func (c *Config) Validate() error {
	if list := c.check(); len(list) > 0 {
		return &Error{Problems: list}
	}
	return nil
}

// check lists what is wrong. A rule that involves several keys names the one to
// change first.
func (c *Config) check() []Problem {
	d := c.Clone()
	d.resolve()
	r := &rules{}
	r.run(d)
	r.model(d)
	r.conv(d)
	r.optim(d.Optim)
	r.train(d)
	r.memory(d.Memory, d.Model.Layers)
	return r.list
}

type rules struct{ list []Problem }

// need records a problem unless ok. keys are separated by blanks: first the one
// that is to blame, then those that its rule involves.
func (r *rules) need(ok bool, keys string, value any, rule string, args ...any) bool {
	if !ok {
		got := fmt.Sprint(value)
		if text, ok := value.(string); ok {
			got = strconv.Quote(text)
		}
		r.list = append(r.list, Problem{Keys: strings.Fields(keys), Message: fmt.Sprintf(rule, args...) + ", got " + got})
	}
	return ok
}

func (r *rules) oneOf(key, value string, allowed ...string) bool {
	return slices.Contains(allowed, value) || r.need(false, key, value, "%s", mustBe(value, allowed))
}

func (r *rules) between(key string, value, low, high int) bool {
	return r.need(low <= value && value <= high, key, value, "must be from %d to %d", low, high)
}

func (r *rules) within(key string, value, low, high float64) bool {
	return r.need(low <= value && value <= high, key, value, "must be from %g to %g", low, high)
}

func (r *rules) positive(key string, value, high float64) {
	r.need(0 < value && value <= high, key, value, "must be above 0 and at most %g", high)
}

func (r *rules) run(c *Config) {
	r.need(c.Name == "" || ValidName(c.Name), "name", c.Name, "must be up to 64 letters, digits, . _ - after a letter or digit")
	r.need(c.Seed >= 0, "seed", c.Seed, "must be at least 0")
	r.between("threads", c.Threads, 0, 4096)
	r.task(c.Task)
}

// task adds what a task says of itself, which its kind is involved in.
func (r *rules) task(t Task) {
	if p, broken := t.Validate().(Problem); broken {
		p.Keys = append(p.Keys, "task.kind")
		r.list = append(r.list, p)
	}
}

// Bounds that keep sizes far from overflow.
const (
	maxDim   = 1 << 16
	maxBatch = 1 << 20
	maxSteps = 1 << 30
	maxRows  = 1<<31 - 1 // positions of a batch
)

func (r *rules) model(c *Config) {
	m := c.Model
	dims := r.between("model.dim", m.Dim, 1, maxDim)
	heads := r.between("model.heads", m.Heads, 1, maxDim)
	r.between("model.layers", m.Layers, 1, 1024)
	r.between("model.mlp_dim", m.MLPDim, 0, 1<<18)
	if r.between("model.vocab", m.Vocab, 1, 1<<20) {
		r.need(m.Vocab >= c.Task.Vocabulary(), "model.vocab task.vocab task.kind", m.Vocab, "must be at least %d, the tokens of task %s (or left out)", c.Task.Vocabulary(), c.Task.Kind)
	}
	r.oneOf("model.position", m.Position, "rope", "learned", "none")
	r.oneOf("model.head", m.Head, "lm", "autoencoder")
	r.need(m.Head != "autoencoder" || m.MLPDim > 0, "model.mlp_dim model.head", m.MLPDim, "must be above 0, since model.head autoencoder decodes with an MLP of that size")
	r.need((m.Head == "autoencoder") == (c.Task.Kind == "mad-compress"), "model.head task.kind", m.Head, "must be autoencoder for task mad-compress, and lm for all others; the task is %s", c.Task.Kind)
	r.positive("model.rope_theta", m.RopeTheta, 1e12)
	r.positive("model.norm_eps", m.NormEps, 0.1)
	r.positive("model.init_std", m.InitStd, 10)
	if !dims || !heads || !r.need(m.Dim%m.Heads == 0, "model.heads model.dim", m.Heads, "must divide model.dim %d (%s)", m.Dim, divisors(m.Dim, m.Heads)) {
		return
	}
	r.need(m.Position != "rope" || m.Dim/m.Heads%2 == 0, "model.heads model.dim model.position", m.Heads,
		"must leave an even number of channels of model.dim %d to each head, because rope turns pairs of them (or use model.position learned)", m.Dim)
}

func (r *rules) conv(c *Config) {
	v := c.Conv
	r.oneOf("conv.kind", v.Kind, "none", "static", "dynamic")
	r.oneOf("conv.filter", v.Filter, "lowrank", "headwise")
	r.oneOf("conv.condition", v.Condition, "self", "shuffled", "constant")
	r.between("conv.width", v.Width, 1, 8)
	r.between("conv.rank", v.Rank, 1, maxDim)
	sized := r.between("conv.head_size", v.HeadSize, 1, maxDim)
	r.within("conv.init_scale", v.InitScale, 0, 100)
	for _, place := range v.Placement {
		r.oneOf("conv.placement", place, Places...)
	}
	if v.Kind == "none" {
		return
	}
	r.need(len(v.Placement) > 0, "conv.placement conv.kind", []string(v.Placement), "must name a place, such as qkv or all, with conv.kind %s", v.Kind)
	for _, place := range []string{"gate", "up", "down"} {
		if c.Model.MLPDim == 0 && v.Placement.Has(place) {
			r.need(false, "conv.placement model.mlp_dim", place, "must be of q, k, v, o, because model.mlp_dim 0 leaves no MLP")
			break
		}
	}
	if v.Kind != "dynamic" {
		return
	}
	if v.Filter == "headwise" && sized {
		r.headSize(c)
	}
	r.need(v.Condition != "shuffled" || c.Train.MicroBatch >= 2, "conv.condition train.micro_batch train.batch", v.Condition,
		"must be self or constant with train.micro_batch %d: shuffled reads another sequence of the micro-batch, which needs 2", c.Train.MicroBatch)
}

// headSize checks that groups of H channels fill every layer that is convolved.
func (r *rules) headSize(c *Config) {
	for _, place := range c.Conv.Placement {
		out, of := c.Model.Dim, "model.dim"
		if place == "gate" || place == "up" {
			out, of = c.Model.MLPDim, "model.mlp_dim"
		}
		if out > 0 && !r.need(out%c.Conv.HeadSize == 0, "conv.head_size "+of, c.Conv.HeadSize, "must divide %s %d, the channels of %s (%s)", of, out, place, divisors(out, c.Conv.HeadSize)) {
			return
		}
	}
}

func (r *rules) optim(o Optim) {
	r.positive("optim.lr", o.LR, 10)
	r.within("optim.conv_lr_mult", o.ConvLRMult, 0, 1000)
	r.within("optim.warmup", o.Warmup, 0, 1)
	r.within("optim.min_lr", o.MinLR, 0, 1)
	r.need(0 <= o.Beta1 && o.Beta1 < 1, "optim.beta1", o.Beta1, "must be at least 0 and below 1")
	r.need(0 <= o.Beta2 && o.Beta2 < 1, "optim.beta2", o.Beta2, "must be at least 0 and below 1")
	// The square of a gradient that is smaller vanishes in float32, and eps alone divides the step.
	r.need(1e-20 <= o.Eps && o.Eps <= 1, "optim.eps", o.Eps, "must be from 1e-20 to 1")
	r.within("optim.weight_decay", o.WeightDecay, 0, 10)
	r.within("optim.clip", o.Clip, 0, 1e6)
	r.within("optim.spike_sigma", o.SpikeSigma, 0, 1e6)
	r.between("optim.max_skips", o.MaxSkips, 1, 1<<30)
}

func (r *rules) train(c *Config) {
	t := c.Train
	r.between("train.steps", t.Steps, 0, maxSteps)
	if t.Steps == 0 {
		r.positive("train.tokens_per_param", t.TokensPerParam, 1e6)
	}
	if r.between("train.batch", t.Batch, 1, maxBatch) && r.between("train.micro_batch", t.MicroBatch, 1, maxBatch) {
		r.need(t.Batch%t.MicroBatch == 0, "train.micro_batch train.batch", t.MicroBatch, "must divide train.batch %d (%s)", t.Batch, divisors(t.Batch, t.MicroBatch))
		r.need(c.Task.SeqLen < maxRows/t.Batch, "train.batch task.seq_len", t.Batch, "must stay below %d positions with task.seq_len %d", maxRows, c.Task.SeqLen)
	}
	r.between("train.eval_every", t.EvalEvery, 0, maxSteps)
	r.between("train.eval_batches", t.EvalBatches, 1, maxBatch)
	r.within("train.target_accuracy", t.TargetAccuracy, 0, 1)
	r.between("checkpoint.every", c.Checkpoint.Every, 0, maxSteps)
	r.between("checkpoint.keep", c.Checkpoint.Keep, 1, 1000)
}

func (r *rules) memory(m Memory, layers int) {
	r.oneOf("memory.recompute", m.Recompute, "none", "block")
	r.between("memory.keep", m.Keep, 0, layers)
	r.oneOf("memory.grads", m.Grads, "float32", "bf16")
	r.oneOf("memory.moments", m.Moments, "float32", "bf16")
}

// divisors advises on the numbers nearest to got that divide n.
func divisors(n, got int) string {
	below := min(got, n)
	for n%below != 0 {
		below--
	}
	above := min(got, n)
	for n%above != 0 {
		above++
	}
	if below == above {
		return fmt.Sprintf("%d does", below)
	}
	return fmt.Sprintf("%d and %d do", below, above)
}
