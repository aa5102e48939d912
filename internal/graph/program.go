package graph

import (
	"fmt"
	"slices"
	"time"

	"gorgonia.org/gorgonia"

	"dsconv/internal/kernels"
)

// Program is a compiled graph: a tape machine, and the arena in which its
// operators leave their results.
type Program struct {
	// Round names the draws of the next run where gradients are rounded
	// stochastically; runs of equal numbers round alike.
	Round uint64

	g    *Graph
	vm   gorgonia.VM
	runs OpTime // of whole profiled runs
}

// Compile differentiates loss, where the backward pass is wanted, compiles the
// graph and plans its memory. alloc, when not nil, supplies the arena of the given
// number of floats, so that programs which never run at the same time can share one.
func (g *Graph) Compile(loss *Tensor, backward bool, alloc func(floats int) []float32) (p *Program, err error) {
	defer func() {
		// The machine panics on graphs it cannot compile.
		if r := recover(); r != nil {
			p, err = nil, fmt.Errorf("graph: compile: %v", r)
		}
	}()
	if g.err != nil {
		return nil, g.err
	}
	if backward {
		g.backward = true
		if _, err := gorgonia.Grad(loss.node, g.roots...); err != nil {
			return nil, fmt.Errorf("graph: differentiate: %w", err)
		}
	}
	p = &Program{g: g, vm: gorgonia.NewTapeMachine(g.expr)}
	g.tracing = true
	err = p.vm.RunAll()
	g.tracing = false
	if err != nil {
		return nil, fmt.Errorf("graph: trace: %w", err)
	}
	p.vm.Reset()
	if g.Recompute {
		g.scheduleReplays()
	}
	floats := g.plan()
	if alloc == nil {
		alloc = kernels.Aligned
	}
	arena := alloc(floats)
	if len(arena) < floats {
		return nil, fmt.Errorf("graph: arena of %d floats offered, %d needed", len(arena), floats)
	}
	g.place(arena)
	return p, nil
}

// Run executes the graph once. The loss is scaled by scale, which is 1 over
// the number of labelled positions for a mean; with accumulate, gradients of
// parameters add to what is there. An operator that panics makes Run panic.
func (p *Program) Run(scale float32, accumulate bool) error {
	p.g.lossScale, p.g.accumulate, p.g.rounding = scale, accumulate, p.Round
	start := time.Now()
	err := p.vm.RunAll()
	p.vm.Reset()
	if fell := p.g.fell; fell != nil {
		p.g.fell = nil
		panic(fell)
	}
	if p.g.profile != nil {
		p.runs.Calls++
		p.runs.Time += time.Since(start)
	}
	if err != nil {
		return fmt.Errorf("graph: run: %w", err)
	}
	return nil
}

// Profile switches the timing of operators on (and clears it) or off.
func (p *Program) Profile(on bool) {
	p.g.profile, p.runs = nil, OpTime{Name: machine}
	if on {
		p.g.profile = map[string]*OpTime{}
	}
}

// machine names what a run does between its operators.
const machine = "tape machine"

// Times are the profiled times by operator name, and that of the tape machine between
// operators, the longest first.
func (p *Program) Times() []OpTime {
	between := p.runs
	out := make([]OpTime, 0, len(p.g.profile)+1)
	for _, t := range p.g.profile {
		out = append(out, *t)
		between.Time -= t.Time
	}
	out = append(out, between)
	slices.SortFunc(out, func(a, b OpTime) int { return int(b.Time - a.Time) })
	return out
}
