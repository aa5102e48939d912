package kernels

import "fmt"

// Attention is causal multi-head attention: for each head
//
//	o[t] = sum_{j<=t} softmax_j(q[t]·k[j] / sqrt(Dim)) v[j]
//
// q, k, v and o have B*T rows and Heads*Dim columns, a head being Dim consecutive
// columns. No [T,T] matrix outlives a block of queries.
type Attention struct {
	B, T, Heads, Dim int
}

// Forward computes o, and lse [B,Heads,T], the logarithm of the sum of each
// softmax, which Backward needs. o must not overlap q, k or v.
func (a Attention) Forward(o View, lse []float32, q, k, v View) {
	a.check(lse, o, q, k, v)
	w := newAttentionWork(a)
	w.o, w.lse, w.q, w.k, w.v = o, lse, q, k, v
	w.run(w.forwardTask, w.cuts())
}

// Backward computes the gradients of sum(o*do): dq, dk and dv are overwritten and
// must not overlap any input. The probabilities are computed again from lse.
func (a Attention) Backward(dq, dk, dv View, do, o View, lse []float32, q, k, v View) {
	a.check(lse, dq, dk, dv, do, o, q, k, v)
	w := newAttentionWork(a)
	w.o, w.lse, w.q, w.k, w.v = o, lse, q, k, v
	w.do, w.dq, w.dk, w.dv = do, dq, dk, dv
	w.run(w.backwardTask, 1)
}

// check panics when an operand does not fit the shape.
func (a Attention) check(lse []float32, views ...View) {
	for _, v := range views {
		v.mustHold("Attention", a.B*a.T, a.Heads*a.Dim)
	}
	if len(lse) < a.B*a.Heads*a.T {
		panic(fmt.Sprintf("kernels: Attention: lse has %d values, want %d", len(lse), a.B*a.Heads*a.T))
	}
}
