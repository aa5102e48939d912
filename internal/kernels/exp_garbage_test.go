package kernels

import (
	"math/rand/v2"
	"testing"
)

// A training step calls these kernels for every layer: they must leave no garbage.
func TestExpKernelsAllocateNothing(t *testing.T) {
	if !poolsKeep {
		t.Skip("the race detector makes garbage")
	}
	r := rand.New(rand.NewPCG(7, 7))
	a := Attention{B: 2, T: 70, Heads: 2, Dim: 24}
	rows, cols := a.B*a.T, a.Heads*a.Dim
	matrix := func() View { return Dense(randomValues(r, rows*cols), cols) }
	q, k, v, o, do, dq, dk, dv := matrix(), matrix(), matrix(), matrix(), matrix(), matrix(), matrix(), matrix()
	lse := make([]float32, a.B*a.Heads*a.T)
	l := LinearCrossEntropy{Rows: rows, Dim: cols, Vocab: 50}
	e, de := randomValues(r, l.Vocab*l.Dim), make([]float32, l.Vocab*l.Dim)
	losses, pred, targets := make([]float32, rows), make([]int32, rows), randomTargets(r, rows, l.Vocab, 2)
	for name, f := range map[string]func(){
		"attention":                func() { a.Forward(o, lse, q, k, v) },
		"attention backward":       func() { a.Backward(dq, dk, dv, do, o, lse, q, k, v) },
		"loss":                     func() { l.Forward(losses, pred, q, e, targets) },
		"loss and gradient":        func() { l.ForwardBackward(losses, pred, dq, de, q, e, targets, 1, true) },
		"SwiGLU":                   func() { SwiGLU(o, q, k, rows, cols) },
		"SwiGLU backward in place": func() { SwiGLUBackward(q, k, do, q, k, rows, cols) },
	} {
		withThreads(t, 2)
		f()
		if n := testing.AllocsPerRun(50, f); n > 0 {
			t.Errorf("%s: %v allocations a call", name, n)
		}
	}
}
