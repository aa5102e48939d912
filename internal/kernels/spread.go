package kernels

// SpreadLast gives every position of a sequence the row of its last position, plus a
// code of the position, [T,D]:
//
//	y[b,t] = x[b,T-1] + code[t]
//
// y must not overlap x.
func SpreadLast(y, x View, code []float32, b, t, d int) {
	y.mustHold("SpreadLast: y", b*t, d)
	x.mustHold("SpreadLast: x", b*t, d)
	For(b, func(i int) {
		last := x.Row(i*t+t-1, d)
		for p := range t {
			row, c := y.Row(i*t+p, d), code[p*d:(p+1)*d]
			for j := range row {
				row[j] = last[j] + c[j]
			}
		}
	})
}

// SpreadLastBackward is the gradient for x: dx[b,T-1] = sum_t dy[b,t], in ascending
// order, and 0 elsewhere. dx must not overlap dy.
func SpreadLastBackward(dx, dy View, b, t, d int) {
	dx.mustHold("SpreadLast: dx", b*t, d)
	dy.mustHold("SpreadLast: dy", b*t, d)
	For(b, func(i int) {
		for p := range t {
			clear(dx.Row(i*t+p, d))
		}
		last := dx.Row(i*t+t-1, d)
		for p := range t {
			addTo(last, dy.Row(i*t+p, d))
		}
	})
}
