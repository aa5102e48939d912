package kernels

import "math"

// The plain attention works on one query row at a time: its scores are a row of
// at most T values. It is the reference of the blocked one, and does its work where
// there is no assembly.

// forwardHead computes one head of one sequence.
func (a Attention) forwardHead(o View, lse []float32, q, k, v View) {
	buf := scratch(a.T)
	defer buf.release()
	scale := float32(1 / math.Sqrt(float64(a.Dim)))
	for t := range a.T {
		p := buf.f[:t+1]
		qt, ot := q.Row(t, a.Dim), o.Row(t, a.Dim)
		top := float32(math.Inf(-1))
		for j := range p {
			p[j] = dot(qt, k.Row(j, a.Dim)) * scale
			top = max(top, p[j])
		}
		var sum float32
		for j := range p {
			p[j] = exp32(p[j] - top)
			sum += p[j]
		}
		clear(ot)
		for j := range p {
			axpy(ot, p[j], v.Row(j, a.Dim))
		}
		for d := range ot {
			ot[d] /= sum
		}
		lse[t] = top + float32(math.Log(float64(sum)))
	}
}

// backwardHead computes the gradients of one head of one sequence: with
// p = exp(s - lse) and ds = p*(do·v - do·o)*scale,
//
//	dv[j] = sum_t p[t,j] do[t],  dk[j] = sum_t ds[t,j] q[t],  dq[t] = sum_j ds[t,j] k[j]
func (a Attention) backwardHead(dq, dk, dv View, do, o View, lse []float32, q, k, v View) {
	scale := float32(1 / math.Sqrt(float64(a.Dim)))
	for t := range a.T {
		clear(dk.Row(t, a.Dim))
		clear(dv.Row(t, a.Dim))
	}
	for t := range a.T {
		qt, dout, dqt := q.Row(t, a.Dim), do.Row(t, a.Dim), dq.Row(t, a.Dim)
		delta := dot(dout, o.Row(t, a.Dim))
		clear(dqt)
		for j := range t + 1 {
			kj := k.Row(j, a.Dim)
			p := exp32(dot(qt, kj)*scale - lse[t])
			ds := p * (dot(dout, v.Row(j, a.Dim)) - delta) * scale
			axpy(dv.Row(j, a.Dim), p, dout)
			axpy(dk.Row(j, a.Dim), ds, qt)
			axpy(dqt, ds, kj)
		}
	}
}
