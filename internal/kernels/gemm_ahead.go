package kernels

// While tiles compute, they call for memory that later ones read: the next panel of B, or the
// next chunk of it, and what the next chunk or task reads of A. Memory answers after a hundred
// nanoseconds, and a core waits for sixteen lines at most; so what is called for is spread over
// as many steps as there are.

// ahead is what the tiles of one chunk of a task call for.
type ahead struct {
	g     *product
	a, b  lines
	k     int   // steps of a tile
	group int   // of them belong to a row of what is called for, and of C: see tileFunc
	block block // that comes next, and its chunk
	chunk chunk
}

// lookAhead begins chunk at of a task, which has so many tiles.
func (g *product) lookAhead(task, at, tiles int) ahead {
	h := ahead{g: g, k: g.chunks[at].n}
	h.block, h.chunk = g.after(task, at)
	highest := (g.m + g.rowPanels - 1) / g.rowPanels
	h.group = rowGroup(h.k, highest)
	if g.l == TN {
		h.shortenFor(h.chunk.n, min(tiles, aheadColumns))
	}
	if g.l != NT && (g.directB || g.packLate) {
		h.shortenFor(h.chunk.n, min(tiles, h.block.i1-h.block.i0))
	}
	h.a = h.linesOfA(tiles)
	return h
}

// shortenFor makes groups so short that so many tiles can call for n rows.
func (h *ahead) shortenFor(n, tiles int) {
	tiles = max(1, tiles)
	each := (n + tiles - 1) / tiles
	h.group = min(h.group, rowGroup(h.k, each))
}

// panel begins a panel of so many tiles; when it is not the last one, panel j of chunk c follows,
// else the first one of the next block.
func (h *ahead) panel(tiles int, more bool, j int, c chunk) {
	if !more {
		j, c = h.g.firstPanel(h.block), h.chunk
	}
	h.b = h.linesOfB(j, c, tiles)
}

// tile gives a tile what to call for, or here, when so many tiles of the chunk are left. A comes
// last, so that it is still there when it is needed.
func (h *ahead) tile(left int, here *float32) (a, b places) {
	a.first, b.first = here, here
	if h.b.tiles > 0 {
		b = h.b.take(h.k, h.group)
	}
	if h.a.tiles >= left {
		a = h.a.take(h.k, h.group)
	}
	return a, b
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

// firstPanel is the first panel that a block has tiles of in this stage, if it has any.
func (g *product) firstPanel(b block) int {
	from, _ := g.tilesOf(b)
	return min(g.stage.j0+from/(b.i1-b.i0), g.stage.j1-1)
}

// lines is memory that later tiles read, and that so many tiles call for.
type lines struct {
	v        View
	tiles    int
	step     int // values from each step to the next
	rows     int // of which each has a group of steps, or none
	row, col int // where the next tile begins
	after    int // columns from each tile to the next, or from one run through the rows to the next
}

// places is what one tile calls for.
type places struct {
	first      *float32
	step, jump int
}

// take gives the next tile, of k steps in such groups, what it calls for.
func (l *lines) take(k, group int) places {
	p := places{first: &l.v.Data[min(l.row*l.v.Stride+l.col, len(l.v.Data)-1)], step: l.step}
	l.tiles--
	if l.rows == 0 {
		l.col += l.after
		return p
	}
	p.jump = l.v.Stride - group*l.step
	if l.row += k / group; l.row >= l.rows {
		l.row, l.col = 0, l.col+l.after
	}
	return p
}

// inOrder is n values that lie side by side, called for by at most so many tiles of k steps.
func inOrder(data []float32, n, k, tiles int) lines {
	step := min(line, (n+tiles*k-1)/(tiles*k))
	return lines{v: View{Data: data}, tiles: (n + step*k - 1) / (step * k), step: step, after: step * k}
}

// inRows is width values of each of n rows, called for by at most so many tiles: evenly, a row for
// each group of steps, or if that is too slow, a line of each row for each step.
func (h *ahead) inRows(v View, n, width, tiles int) lines {
	each := h.k / h.group
	run := (n + each - 1) / each // tiles to go through all rows
	columns := max(1, tiles/run) * h.group
	step := (width + columns - 1) / columns
	if run > tiles || step > line {
		return lines{v: v, tiles: (width + line - 1) / line, step: v.Stride, after: line}
	}
	columns = step * h.group
	return lines{v: v, tiles: run * ((width + columns - 1) / columns), step: step, rows: n, after: columns}
}

// linesOfB is what so many tiles call for of panel j of a chunk of B.
func (h *ahead) linesOfB(j int, c chunk, tiles int) lines {
	g, p := h.g, h.g.panels[j]
	if !g.directB && !g.packLate {
		b, width := g.rowsOfB(p, c)
		return inOrder(b, c.n*width, h.k, tiles)
	}
	b := g.b[p.part+c.part]
	if g.l == NT {
		return h.inRows(b.At(p.at, c.at), p.n, c.n, tiles)
	}
	return h.inRows(b.At(c.at, p.at), c.n, p.n, tiles)
}

// linesOfA is what the next block reads of A in its chunk, for at most so many tiles.
func (h *ahead) linesOfA(tiles int) lines {
	g, b, c := h.g, h.block, h.chunk
	r0, n := g.rows[b.i0], g.rows[b.i1]-g.rows[b.i0]
	switch a := g.a; {
	case g.l != TN && 2*c.n >= a.Stride:
		return inOrder(a.At(r0, c.off).Data, n*a.Stride, h.k, min(tiles, aheadRows))
	case g.l != TN:
		return h.inRows(a.At(r0, c.off), n, c.n, tiles)
	case n+line >= a.Stride:
		return inOrder(a.At(c.off, r0).Data, c.n*a.Stride, h.k, tiles)
	default:
		return h.inRows(a.At(c.off, r0), c.n, n, min(tiles, aheadColumns))
	}
}

// How many tiles at most call for what is needed of A after them, where its rows are read whole
// and where they are read in part, for gradients of weights: so late that it is still there then.
const (
	aheadRows    = 24
	aheadColumns = 48
)
