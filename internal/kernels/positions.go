package kernels

// Copy copies rows x d values:
//
//	y[i,j] = x[i,j]
func Copy(y, x View, rows, d int) {
	y.mustHold("Copy: y", rows, d)
	x.mustHold("Copy: x", rows, d)
	forRows(rows, d, func(r0, r1 int) {
		for i := r0; i < r1; i++ {
			copy(y.Row(i, d), x.Row(i, d))
		}
	})
}

// AddPositions adds a vector for each position of a sequence; y may alias x:
//
//	y[b,t,j] = x[b,t,j] + p[t,j]
func AddPositions(y, x View, p []float32, b, t, d int) {
	y.mustHold("AddPositions: y", b*t, d)
	x.mustHold("AddPositions: x", b*t, d)
	For(b, func(i int) {
		for j := range t {
			add(y.Row(i*t+j, d), x.Row(i*t+j, d), p[j*d:(j+1)*d])
		}
	})
}

// AddPositionsBackward is the gradient of AddPositions for p, added to what dp
// holds when acc is set:
//
//	dp[t,j] = Σ_b dy[b,t,j]
func AddPositionsBackward(dp []float32, dy View, b, t, d int, acc bool) {
	dy.mustHold("AddPositionsBackward: dy", b*t, d)
	For(t, func(i int) {
		dst := dp[i*d : (i+1)*d]
		if !acc {
			clear(dst)
		}
		for n := range b {
			addTo(dst, dy.Row(n*t+i, d))
		}
	})
}
