package kernels

// work computes one block of C, or one split's share of it.
func (g *product) work(task int) {
	e, s := g.e, &g.stage
	block := g.blocks[task/g.splits]
	i0, i1 := block.i0, block.i1
	from, to := g.tilesOf(block)
	c0, c1 := g.chunksOf(task)

	var copied *buffer
	if g.l == TN && 2*e.rows <= line && to-from >= copyPanels*(i1-i0) {
		copied = scratch((i1 - i0) * e.chunk * e.lanes)
		defer copied.release()
	}
	for ci := c0; ci < c1; ci++ {
		c := g.chunks[ci]
		acc := ci > c0 || g.splits == 1 && s.acc
		rs, cs, a0 := g.a.Stride, 1, c.off
		if g.l == TN {
			rs, cs, a0 = 1, g.a.Stride, c.off*g.a.Stride
		}
		if copied != nil {
			g.copyRowsOfA(copied.f, i0, i1, c)
		}
		then, thenAt := g.after(task, ci)
		laterA := g.linesOfA(then, thenAt, to-from)
		for tile := from; tile < to; {
			i, j := i0+tile%(i1-i0), s.j0+tile/(i1-i0)
			end := min(i1, i+to-tile)
			rows := end - i
			tile += rows
			p := g.panels[j]
			vecs := g.vecs(p)
			last := p.n - (vecs-1)*e.lanes
			var b []float32
			var bs int
			var laterB lines
			if g.packLate {
				b, bs = g.packPanel(task, p, c)
			} else {
				b, bs = g.rowsOfB(p, c)
				if tile < to {
					laterB = g.linesOfB(g.panels[j+1], c, rows)
				} else if first, end := g.tilesOf(then); first < end {
					laterB = g.linesOfB(g.panels[s.j0+first/(then.i1-then.i0)], thenAt, rows)
				}
			}
			dst, col := g.sums(p, task%g.splits)
			tiles := e.tiles[vecs-1]
			for ; i < end; i++ {
				r0, r1 := g.rows[i], g.rows[i+1]
				nextA, stepA, nextB, stepB := &b[0], 0, &b[0], 0
				if laterB.count > 0 {
					nextB, stepB = laterB.take()
				}
				if laterA.count >= to-tile+end-i { // as many as there are tiles left
					nextA, stepA = laterA.take()
				}
				a, step := &g.a.Data[a0+r0*rs], cs
				if copied != nil {
					a, step = &copied.f[(i-i0)*c.n*e.lanes], e.lanes
				}
				tiles[r1-r0-1](c.n, a, rs, step, &b[0], bs, &dst.Data[r0*dst.Stride+col], dst.Stride, last, acc, nextA, stepA, nextB, stepB)
			}
		}
	}
}

// chunksOf gives the chunks of a task in this stage: all of them, or its split's.
func (g *product) chunksOf(task int) (c0, c1 int) {
	first, n, split := g.stage.c0, g.stage.c1-g.stage.c0, task%g.splits
	return first + split*n/g.splits, first + (split+1)*n/g.splits
}

// after is the block and the chunk that follow chunk at of a task: in the task itself, or in
// the one that its thread takes next.
func (g *product) after(task, at int) (block, chunk) {
	at++
	if _, end := g.chunksOf(task); at == end {
		task = min(task+1, len(g.blocks)*g.splits-1)
		at, _ = g.chunksOf(task)
	}
	return g.blocks[task/g.splits], g.chunks[at]
}

// sums is where the sums of a panel go, and at which column: to C, or to their split's place.
func (g *product) sums(p panel, split int) (View, int) {
	if g.splits > 1 {
		return Dense(g.partial.f[split*g.m*g.width:], g.width), p.pos
	}
	return g.c[p.part], p.at
}

// rowsOfB is where a panel of a chunk of B lies, and its stride.
func (g *product) rowsOfB(p panel, c chunk) ([]float32, int) {
	if !g.directB {
		return g.packed.f[g.at(p, c):], g.vecs(p) * g.e.lanes
	}
	v := g.b[p.part+c.part]
	return v.Data[c.at*v.Stride+p.at:], v.Stride
}

// lines is memory that later tiles read, and that tiles call for, a place at each step: count
// lists of places, those of a list stride values apart and the lists step values.
type lines struct {
	data                []float32
	count, stride, step int
}

// take gives the next list.
func (l *lines) take() (first *float32, stride int) {
	first = &l.data[0]
	l.count--
	l.data = l.data[min(l.step, len(l.data)-1):]
	return first, l.stride
}

// inOrder is n values that lie side by side, called for by at most so many tiles of k steps.
func inOrder(data []float32, n, k, tiles int) lines {
	stride := min(line, (n+tiles*k-1)/(tiles*k))
	return lines{data, (n + stride*k - 1) / (stride * k), stride, stride * k}
}

// linesOfB is a panel of a chunk of B, which so many tiles call for.
func (g *product) linesOfB(p panel, c chunk, tiles int) lines {
	b, stride := g.rowsOfB(p, c)
	if width := g.vecs(p) * g.e.lanes; stride > width {
		return lines{b, (width + line - 1) / line, stride, line}
	}
	return inOrder(b, c.n*stride, c.n, tiles)
}

// linesOfA is what a block reads of A in a chunk, which so many tiles call for.
func (g *product) linesOfA(b block, c chunk, tiles int) lines {
	r0, r1 := g.rows[b.i0], g.rows[b.i1]
	switch {
	case g.l == TN:
		return lines{g.a.Data[c.off*g.a.Stride+r0:], (r1 - r0 + line - 1) / line, g.a.Stride, line}
	case 2*c.n < g.a.Stride: // rows have much that belongs to other chunks: a list is a row's part
		return lines{g.a.Data[r0*g.a.Stride+c.off:], r1 - r0, 1, g.a.Stride}
	default:
		return inOrder(g.a.Data[r0*g.a.Stride+c.off:], (r1-r0)*g.a.Stride, c.n, min(tiles, aheadA))
	}
}

// aheadA is how many tiles call for rows of A that are needed after them: so late that what is
// called for is still there when it is needed.
const aheadA = 24

// reduce adds the sums of the splits in their order: a product with a row of ones,
// which is exact.
func (g *product) reduce(t int) {
	for r := t * 16; r < min(g.m, t*16+16); r++ {
		for _, p := range g.panels {
			vecs := g.vecs(p)
			c := g.c[p.part]
			g.e.tiles[vecs-1][0](g.splits, &one, 0, 0, &g.partial.f[r*g.width+p.pos], g.m*g.width,
				&c.Data[r*c.Stride+p.at], c.Stride, p.n-(vecs-1)*g.e.lanes, g.acc, &one, 0, &one, 0)
		}
	}
}

var one float32 = 1
