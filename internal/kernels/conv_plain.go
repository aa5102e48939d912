package kernels

// The plain convolution works on one position at a time: it makes the W*D taps of
// the position in a small buffer and uses them at once.

const convBlock = 64 // positions of a task

func (c Conv) blocks() int { return (c.T + convBlock - 1) / convBlock }

func (c Conv) plainForward(y, x, gen View, u, s []float32) {
	blocks := c.blocks()
	For(c.B*blocks, func(i int) {
		b, t0 := i/blocks, i%blocks*convBlock
		c.forwardBlock(y, x, gen, u, s, b, t0, min(c.T, t0+convBlock))
	})
}

// plainBackward lets each group of blocks sum its share of du and ds and then adds
// the shares in order.
func (c Conv) plainBackward(dx, dgen View, du, ds []float32, dy, x, gen View, u, s []float32, acc bool) {
	blocks := c.blocks()
	n := len(du) + len(ds)
	count, size := groups(max(c.B*blocks, 1), convPartials) // of nothing the sums are zero
	parts := scratch(count * n)
	defer parts.release()
	For(count, func(g int) {
		part := parts.f[g*n : (g+1)*n]
		clear(part)
		for i := g * size; i < min(c.B*blocks, (g+1)*size); i++ {
			b, t0 := i/blocks, i%blocks*convBlock
			c.backwardBlock(dx, dgen, part[:len(du)], part[len(du):], dy, x, gen, u, s, b, t0, min(c.T, t0+convBlock))
		}
	})
	sumStrided(du, parts.f, count, n, acc)
	sumStrided(ds, parts.f[len(du):], count, n, acc)
}

// forwardBlock computes positions [t0, t1) of sequence b.
func (c Conv) forwardBlock(y, x, gen View, u, s []float32, b, t0, t1 int) {
	taps := scratch(c.W * c.D)
	defer taps.release()
	for t := t0; t < t1; t++ {
		c.taps(taps.f, gen, u, s, b, t)
		yt := y.Row(b*c.T+t, c.D)
		if c.Residual {
			copy(yt, x.Row(b*c.T+t, c.D))
		} else {
			clear(yt)
		}
		for k := 0; k < c.W && k <= t; k++ {
			xk, w := x.Row(b*c.T+t-k, len(yt)), taps.f[k*c.D:][:len(yt)]
			for d := range yt {
				yt[d] += w[d] * xk[d]
			}
		}
	}
}

// backwardBlock computes the gradients of positions [t0, t1) of sequence b, and
// adds to du and ds. The positions up to W-1 later read x of this block too, so
// their taps are made again here for dx: no block waits for another.
func (c Conv) backwardBlock(dx, dgen View, du, ds []float32, dy, x, gen View, u, s []float32, b, t0, t1 int) {
	buf := scratch(2 * c.W * c.D)
	defer buf.release()
	taps, dtaps := buf.f[:c.W*c.D], buf.f[c.W*c.D:]
	for t := t0; t < t1; t++ {
		if c.Residual {
			copy(dx.Row(b*c.T+t, c.D), dy.Row(b*c.T+t, c.D))
		} else {
			clear(dx.Row(b*c.T+t, c.D))
		}
	}
	for t := t0; t < min(c.T, t1+c.W-1); t++ {
		c.taps(taps, gen, u, s, b, t)
		dyt := dy.Row(b*c.T+t, c.D)
		for k := max(0, t-t1+1); k < c.W && t-k >= t0; k++ {
			dxk, w := dx.Row(b*c.T+t-k, len(dyt)), taps[k*c.D:][:len(dyt)]
			for d := range dyt {
				dxk[d] += w[d] * dyt[d]
			}
		}
		if t < t1 {
			c.tapGradients(dtaps, dyt, x, b, t)
			c.generatorGradients(dgen, du, ds, dtaps, gen, u, b, t)
		}
	}
}

// taps writes the W*D taps of position t of sequence b, tap major.
func (c Conv) taps(w []float32, gen View, u, s []float32, b, t int) {
	if c.hasStatic() {
		copy(w, s[:c.W*c.D])
	} else {
		clear(w)
	}
	switch c.Kind {
	case ConvHeadwise:
		g := gen.Row(c.genRow(b, t), c.GenCols())
		for i := 0; i < c.D; i += c.HeadSize {
			for k := range c.W {
				z := g[i/c.HeadSize*c.W+k]
				head := w[k*c.D+i : k*c.D+i+c.HeadSize]
				for d := range head {
					head[d] += z
				}
			}
		}
	case ConvLowRank:
		for r, z := range gen.Row(c.genRow(b, t), c.Rank) {
			axpy(w, z, u[r*c.W*c.D:])
		}
	}
}

// tapGradients writes the gradients of the taps of position t:
// dtaps[k,d] = dy[t,d] * x[t-k,d].
func (c Conv) tapGradients(dtaps, dy []float32, x View, b, t int) {
	clear(dtaps)
	for k := 0; k < c.W && k <= t; k++ {
		xk, dw := x.Row(b*c.T+t-k, len(dy)), dtaps[k*c.D:][:len(dy)]
		for d := range dy {
			dw[d] = dy[d] * xk[d]
		}
	}
}

// generatorGradients passes the gradients of the taps of position t on to what
// they were made of.
func (c Conv) generatorGradients(dgen View, du, ds, dtaps []float32, gen View, u []float32, b, t int) {
	if c.hasStatic() {
		addTo(ds, dtaps)
	}
	switch c.Kind {
	case ConvHeadwise:
		dg := dgen.Row(c.genRow(b, t), c.GenCols())
		for i := 0; i < c.D; i += c.HeadSize {
			for k := range c.W {
				var sum float32
				for _, dw := range dtaps[k*c.D+i : k*c.D+i+c.HeadSize] {
					sum += dw
				}
				dg[i/c.HeadSize*c.W+k] = sum
			}
		}
	case ConvLowRank:
		row := c.genRow(b, t)
		dz := dgen.Row(row, c.Rank)
		for r, z := range gen.Row(row, c.Rank) {
			dz[r] = dot(dtaps, u[r*c.W*c.D:])
			axpy(du[r*c.W*c.D:(r+1)*c.W*c.D], z, dtaps)
		}
	}
}
