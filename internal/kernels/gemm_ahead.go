package kernels

// While tiles compute, they call for memory that later ones read: the next panel of B, or the
// next chunk of it, and what the next chunk or task reads of A. Memory answers after a hundred
// nanoseconds, and a core waits for sixteen lines at most; so what is called for is spread over
// as many steps as there are.

// ahead is what the tiles of one chunk of a task call for.
type ahead struct {
	g          *product
	a, b       lines
	block      block // that comes next, and its chunk
	chunk      chunk
	first, end int  // its panels, or those that are left of them
	whole      bool // all of them are called for in the order of memory, not panel by panel
	each       int  // tiles for each of them
}

// lookAhead begins chunk at of a task, which has so many tiles.
func (g *product) lookAhead(task, at, tiles int) ahead {
	h := ahead{g: g}
	h.block, h.chunk = g.after(task, at)
	h.first, h.end = g.panelsOf(h.block)
	h.a = g.linesOfA(h.block, h.chunk, tiles)
	panels := max(1, h.end-h.first)
	h.whole = g.directB && g.rowPanels > directRows && panels*2*g.e.lanes*h.chunk.n <= wholeChunk
	h.each = max(1, tiles/panels)
	return h
}

// panel begins a panel of so many tiles; when it is not the last one, panel j of chunk c follows.
func (h *ahead) panel(tiles int, more bool, j int, c chunk) {
	switch {
	case h.whole:
	case more:
		h.b = h.g.linesOfB(j, c, tiles)
	case h.first < h.end:
		h.b = h.g.linesOfB(h.first, h.chunk, tiles)
	default:
		h.b = lines{}
	}
}

// tile gives a tile of so many rows and steps what to call for, or here, when so many tiles of
// the chunk are left. A comes last, so that it is still there when it is needed.
func (h *ahead) tile(rows, k, left int, here *float32) (a, b places) {
	if h.whole && h.b.tiles == 0 && h.first < h.end {
		h.b = h.g.linesOfPart(&h.first, h.end, h.chunk, h.each)
	}
	a.first, b.first = here, here
	if h.b.tiles > 0 {
		b = h.b.take(rows, k)
	}
	if h.a.tiles >= left {
		a = h.a.take(rows, k)
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

// panelsOf gives the panels that a block has tiles of in this stage.
func (g *product) panelsOf(b block) (first, end int) {
	from, to := g.tilesOf(b)
	rows := b.i1 - b.i0
	return g.stage.j0 + from/rows, g.stage.j0 + (to+rows-1)/rows
}

// lines is memory that later tiles read, and that so many tiles call for.
type lines struct {
	data  []float32
	tiles int
	step  int // values from each step of k to the next
	row   int // from each group of steps to the next, or 0: see tileFunc
	tile  int // from each tile to the next, if groups follow each other
}

// places is what one tile calls for.
type places struct {
	first      *float32
	step, jump int
}

// take gives the next tile, of so many rows and steps, what it calls for.
func (l *lines) take(rows, k int) places {
	p, after := places{first: &l.data[0], step: l.step}, l.tile
	if l.row > 0 {
		p.jump, after = l.row-k/rows*l.step, rows*l.row
	}
	l.tiles--
	l.data = l.data[min(after, len(l.data)-1):]
	return p
}

// inOrder is n values that lie side by side, called for by at most so many tiles of k steps.
func inOrder(data []float32, n, k, tiles int) lines {
	step := min(line, (n+tiles*k-1)/(tiles*k))
	return lines{data: data, tiles: (n + step*k - 1) / (step * k), step: step, tile: step * k}
}

// inRows is width values of each of n rows, for tiles of k steps: a row for each group of steps.
func (g *product) inRows(v View, n, width, k int) lines {
	highest := (g.m + g.rowPanels - 1) / g.rowPanels
	steps := max(1, k/highest)
	return lines{data: v.Data, tiles: (n*g.rowPanels + g.m - 1) / g.m, step: (width + steps - 1) / steps, row: v.Stride}
}

// inColumns is the same, a line of each row for each step.
func inColumns(v View, width int) lines {
	return lines{data: v.Data, tiles: (width + line - 1) / line, step: v.Stride, tile: line}
}

// linesOfB is what so many tiles call for of panel j of a chunk of B.
func (g *product) linesOfB(j int, c chunk, tiles int) lines {
	p := g.panels[j]
	if g.directB || g.packLate {
		return g.linesOfPart(&j, j+1, c, tiles)
	}
	b, width := g.rowsOfB(p, c)
	return inOrder(b, c.n*width, c.n, tiles)
}

// linesOfPart is the same of panels j to end where they lie, as far as they belong to one part:
// j becomes the panel that follows.
func (g *product) linesOfPart(j *int, end int, c chunk, tilesEach int) lines {
	p := g.panels[*j]
	b, n, tiles := g.b[p.part+c.part], 0, 0
	for ; *j < end && g.panels[*j].part == p.part; *j++ {
		n += g.panels[*j].n
		tiles += tilesEach
	}
	if g.l == NT {
		return g.inRows(b.At(p.at, c.at), n, c.n, c.n)
	}
	b = b.At(c.at, p.at)
	if n+line >= b.Stride {
		return inOrder(b.Data, min(c.n*b.Stride, len(b.Data)), c.n, tiles)
	}
	if l := g.inRows(b, c.n, n, c.n); l.tiles <= tiles {
		return l
	}
	return inColumns(b, n)
}

// linesOfA is what a block reads of A in a chunk, which so many tiles call for.
func (g *product) linesOfA(b block, c chunk, tiles int) lines {
	r0, n := g.rows[b.i0], g.rows[b.i1]-g.rows[b.i0]
	if g.l != TN {
		a := g.a.At(r0, c.off)
		switch {
		case 2*c.n >= a.Stride:
			return inOrder(a.Data, n*a.Stride, c.n, min(tiles, aheadA))
		case tiles >= n: // rows have much that belongs to other chunks: a row's part a tile
			return lines{data: a.Data, tiles: n, step: 1, tile: a.Stride}
		default:
			return g.inRows(a, n, c.n, c.n)
		}
	}
	a := g.a.At(c.off, r0)
	if n+line >= g.a.Stride {
		return inOrder(a.Data, c.n*g.a.Stride, c.n, tiles)
	}
	if l := g.inRows(a, c.n, n, c.n); l.tiles <= tiles {
		return l
	}
	return inColumns(a, n)
}

// aheadA is how many tiles call for rows of A that are needed after them: so late that what is
// called for is still there when it is needed.
const aheadA = 24
