package kernels

// SwiGLU computes y = silu(gate)*up, silu(x) = x/(1+exp(-x)), on rows x d matrices. y
// may be gate or up.
func SwiGLU(y, gate, up View, rows, d int) {
	y.mustHold("SwiGLU: y", rows, d)
	gate.mustHold("SwiGLU: gate", rows, d)
	up.mustHold("SwiGLU: up", rows, d)
	forRows(rows, d, func(r0, r1 int) {
		for r := r0; r < r1; r++ {
			yr, gr, ur := y.Row(r, d), gate.Row(r, d), up.Row(r, d)
			for i, g := range gr {
				yr[i] = g / (1 + exp32(-g)) * ur[i]
			}
		}
	})
}

// SwiGLUBackward computes the gradients of sum(y*dy): with s = 1/(1+exp(-gate)),
//
//	dup = dy * gate*s
//	dgate = dy * up * s*(1 + gate*(1-s))
//
// dgate and dup may be gate and up.
func SwiGLUBackward(dgate, dup, dy, gate, up View, rows, d int) {
	for _, v := range []View{dgate, dup, dy, gate, up} {
		v.mustHold("SwiGLUBackward", rows, d)
	}
	forRows(rows, d, func(r0, r1 int) {
		for r := r0; r < r1; r++ {
			dgr, dur, dyr, gr, ur := dgate.Row(r, d), dup.Row(r, d), dy.Row(r, d), gate.Row(r, d), up.Row(r, d)
			for i, g := range gr {
				s := 1 / (1 + exp32(-g))
				u := ur[i]
				dur[i] = dyr[i] * g * s
				dgr[i] = dyr[i] * u * s * (1 + g*(1-s))
			}
		}
	})
}
