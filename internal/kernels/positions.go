package kernels

// rowBlock is how many rows of a matrix one task of a simple row-wise kernel
// takes: enough to outweigh the hand-out, few enough to balance.
const rowBlock = 64

// Copy copies rows x d values:
//
//	y[i,j] = x[i,j]
func Copy(y, x View, rows, d int) {
	y.mustHold("copy: y", rows, d)
	x.mustHold("copy: x", rows, d)
	For((rows+rowBlock-1)/rowBlock, func(task int) {
		for i := task * rowBlock; i < min(rows, (task+1)*rowBlock); i++ {
			copy(y.Row(i, d), x.Row(i, d))
		}
	})
}

// AddPositions adds a vector for each position of a sequence; y may alias x:
//
//	y[b,t,j] = x[b,t,j] + p[t,j]
func AddPositions(y, x, p []float32, b, t, d int) {
	For(b, func(i int) {
		n := t * d
		add(y[i*n:(i+1)*n], x[i*n:(i+1)*n], p[:n])
	})
}

// AddPositionsBackward is the gradient of AddPositions for p, added to what dp
// holds when acc is set:
//
//	dp[t,j] = Σ_b dy[b,t,j]
func AddPositionsBackward(dp, dy []float32, b, t, d int, acc bool) {
	For(t, func(i int) {
		dst := dp[i*d : (i+1)*d]
		if !acc {
			clear(dst)
		}
		for n := range b {
			addTo(dst, dy[(n*t+i)*d:][:d])
		}
	})
}
