package arch

import (
	"fmt"

	"dsconv/internal/graph"
	"dsconv/internal/kernels"
)

// Param is a parameter with its memory.
type Param struct {
	ParamSpec
	Data []float32
	Grad graph.Grad // empty in a model that only evaluates

	offset int
}

// In is the parameter's part of a slice that is laid out as Model.Weights.
func (p *Param) In(all []float32) []float32 { return all[p.offset : p.offset+p.Size()] }

// Model holds the weights.
type Model struct {
	Spec    Spec
	Params  []*Param
	Weights []float32 // all parameters, each from a cache line on

	arena  []float32
	eval   map[[2]int]*Step
	byName map[string]*Param
}

// New allocates a model whose weights are zero; training adds room for gradients.
func New(s Spec, training bool) *Model {
	m := &Model{Spec: s, eval: map[[2]int]*Step{}, byName: map[string]*Param{}}
	total := 0
	s.Each(func(p ParamSpec) { total += kernels.RoundToLine(p.Size()) })
	m.Weights = kernels.Aligned(total)
	at := 0
	s.Each(func(spec ParamSpec) {
		p := &Param{ParamSpec: spec, offset: at}
		p.Data = p.In(m.Weights)
		if training {
			p.Grad = spec.Store(s.Memory.Grads)
		}
		m.Params = append(m.Params, p)
		m.byName[spec.Name] = p
		at += kernels.RoundToLine(spec.Size())
	})
	return m
}

// Init draws the weights, a pure function of the seed and each parameter's name.
func (m *Model) Init(seed int64) {
	for _, p := range m.Params {
		m.Spec.initialise(p.ParamSpec, p.Data, seed)
	}
}

// Param returns the parameter of that name, or nil.
func (m *Model) Param(name string) *Param { return m.byName[name] }

// Step is a compiled graph for batches of one shape.
type Step struct {
	B, T    int
	Tokens  []int32 // [B,T]: fill before Run
	Targets []int32 // [B,T]: -100 where there is no label
	Loss    *graph.Loss
	Logits  []float32 // [B,T,vocabulary]; only of a step made by Look

	*graph.Program
}

// TrainStep compiles forward and backward pass for batches of b sequences of t
// tokens. After Run, gradients lie in the parameters' Grad.
func (m *Model) TrainStep(b, t int) (*Step, error) { return m.compile(b, t, purpose{train: true}) }

// EvalStep compiles the forward pass; steps are kept by shape.
func (m *Model) EvalStep(b, t int) (*Step, error) {
	key := [2]int{b, t}
	if s := m.eval[key]; s != nil {
		return s, nil
	}
	s, err := m.compile(b, t, purpose{})
	if err == nil {
		m.eval[key] = s
	}
	return s, err
}

// Look compiles a forward pass that also writes the logits of every position.
func (m *Model) Look(b, t int) (*Step, error) { return m.compile(b, t, purpose{logits: true}) }

// purpose says what a step is for, besides its loss.
type purpose struct {
	train   bool // the backward pass
	logits  bool
	observe GeneratorFunc
}

func (m *Model) compile(b, t int, why purpose) (*Step, error) {
	if m.Spec.Position == "learned" && t > m.Spec.SeqLen {
		return nil, fmt.Errorf("arch: %d tokens: the model has learned positions for %d only; evaluate at most that length, or train with model.position: rope", t, m.Spec.SeqLen)
	}
	if m.Spec.Conv.Active() && m.Spec.Conv.Kind == "dynamic" && m.Spec.Conv.Condition == "shuffled" && b < 2 {
		return nil, fmt.Errorf("arch: conv.condition shuffled reads another sequence of the batch: use a micro-batch of at least 2")
	}
	f := newForward(m, b, t, why)
	loss := f.build()
	s := &Step{B: b, T: t, Tokens: f.tokens.Data, Targets: f.targets.Data, Loss: f.loss, Logits: f.logits}
	var err error
	s.Program, err = f.g.Compile(loss, why.train, m.shareArena)
	if err != nil {
		return nil, fmt.Errorf("arch: %w", err)
	}
	return s, nil
}

// shareArena lets all steps of a model live in one arena: they never run at the
// same time. A step that needs more than there is gets its own, which later
// steps share.
func (m *Model) shareArena(floats int) []float32 {
	if len(m.arena) < floats {
		m.arena = kernels.Aligned(floats)
	}
	return m.arena
}
