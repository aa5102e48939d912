package kernels

import "sync"

// SwiGLU computes y = silu(gate)*up, silu(x) = x/(1+exp(-x)), on rows x d matrices. y
// may be gate or up.
func SwiGLU(y, gate, up View, rows, d int) {
	y.mustHold("SwiGLU: y", rows, d)
	gate.mustHold("SwiGLU: gate", rows, d)
	up.mustHold("SwiGLU: up", rows, d)
	w := swigluWorks.Get().(*swigluWork)
	w.y, w.gate, w.up = y, gate, up
	w.run(rows, d, w.forward)
}

// SwiGLUBackward computes the gradients of sum(y*dy): with s = 1/(1+exp(-gate)),
//
//	dup = dy * gate*s
//	dgate = dy * up * s*(1 + gate*(1-s))
//
// dgate and dup may be gate and up.
func SwiGLUBackward(dgate, dup, dy, gate, up View, rows, d int) {
	for _, v := range [...]View{dgate, dup, dy, gate, up} {
		v.mustHold("SwiGLUBackward", rows, d)
	}
	w := swigluWorks.Get().(*swigluWork)
	w.dgate, w.dup, w.y, w.gate, w.up = dgate, dup, dy, gate, up
	w.run(rows, d, w.backward)
}

// swigluWork is one call on its way. It is kept, tasks included, so that calls make
// no garbage.
type swigluWork struct {
	y, gate, up, dgate, dup View // y is dy on the way back
	rows, d, step           int
	forward, backward       func(task int)
}

var swigluWorks = sync.Pool{New: func() any {
	w := new(swigluWork)
	w.forward = func(task int) { w.each(task, w.forwardRow) }
	w.backward = func(task int) { w.each(task, w.backwardRow) }
	return w
}}

// run cuts the rows into tasks by their shape and gives w back afterwards.
func (w *swigluWork) run(rows, d int, task func(int)) {
	if rows > 0 && d > 0 {
		w.rows, w.d, w.step = rows, d, max(1, taskElements/d)
		For((rows+w.step-1)/w.step, task)
	}
	w.y, w.gate, w.up, w.dgate, w.dup = View{}, View{}, View{}, View{}, View{}
	swigluWorks.Put(w)
}

func (w *swigluWork) each(task int, row func(r int)) {
	for r := task * w.step; r < min(w.rows, (task+1)*w.step); r++ {
		row(r)
	}
}

func (w *swigluWork) forwardRow(r int) {
	y, gate, up := w.y.Row(r, w.d), w.gate.Row(r, w.d), w.up.Row(r, w.d)
	if c := expNow(); c != nil {
		c.swiglu(w.d, &y[0], &gate[0], &up[0], 4*w.y.Stride, 4*w.gate.Stride)
		return
	}
	for i, g := range gate {
		y[i] = g / (1 + exp32(-g)) * up[i]
	}
}

func (w *swigluWork) backwardRow(r int) {
	dgate, dup, dy, gate, up := w.dgate.Row(r, w.d), w.dup.Row(r, w.d), w.y.Row(r, w.d), w.gate.Row(r, w.d), w.up.Row(r, w.d)
	if c := expNow(); c != nil {
		c.swigluBackward(w.d, &dgate[0], &dup[0], &dy[0], &gate[0], &up[0], 4*w.dgate.Stride, 4*w.y.Stride, 4*w.gate.Stride)
		return
	}
	for i, g := range gate {
		s := 1 / (1 + exp32(-g))
		u := up[i]
		dup[i] = dy[i] * g * s
		dgate[i] = dy[i] * u * s * (1 + g*(1-s))
	}
}
