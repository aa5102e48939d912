package kernels

import "sync"

// product is one matrix product on its way. C is cut into panels of rows and of columns,
// which make tiles, and k into chunks, by shape alone; tasks are runs of tiles.
type product struct {
	e     *engine
	l     Layout
	m, k  int
	width int // of all panels when packed
	a     View
	acc   bool

	b      []View // of each part: see panel and chunk
	c      []View // of each part that owns panels
	panels []panel
	chunks []chunk

	rowPanels  int
	rows       []int   // the first row of each row panel, and the end
	blocks     []block // of C: one a task, or splits tasks
	splits     int     // tasks that share a tile of C and divide k
	directB    bool
	packLate   bool // tasks pack the panels that they read
	stage      stage
	packed     *buffer // panels of B of this stage
	partial    *buffer // sums of each split
	packRowsB  func(int)
	packColsB  func(int)
	workTask   func(int)
	reduceTask func(int)
}

// panel is up to two vectors of columns of C and B. Part p of the columns has its
// own b[p] and c[p].
type panel struct {
	part int
	at   int // first column in its part
	n    int // columns
	pos  int // first column when all panels are packed side by side
}

// chunk is a run of k. Part p of k has its own b[p].
type chunk struct {
	part int
	at   int // first k in its part
	off  int // first k in A
	n    int
}

// stage is the part of B that is packed at one time.
type stage struct {
	j0, j1 int // panels
	c0, c1 int // chunks
	width  int // of the panels
	acc    bool

	strips, group int // strips of a chunk, and what a task packs of them: see packB
}

var products = sync.Pool{New: func() any {
	g := new(product)
	g.packRowsB, g.packColsB = g.packRowsOfB, g.packColumnsOfB
	g.workTask, g.reduceTask = g.work, g.reduce
	return g
}}

func newProduct(l Layout, m int, a View, acc bool) *product {
	g := products.Get().(*product)
	g.e, g.l, g.m, g.k, g.width, g.a, g.acc = engines[isa], l, m, 0, 0, a, acc
	g.b, g.c, g.panels, g.chunks = g.b[:0], g.c[:0], g.panels[:0], g.chunks[:0]
	return g
}

// release lets go of the caller's memory and keeps the lists.
func (g *product) release() {
	clear(g.b)
	clear(g.c)
	g.a = View{}
	products.Put(g)
}

// columns adds n columns, the next part, whose result goes to c.
func (g *product) columns(c View, n int) {
	part, step := len(g.c), 2*g.e.lanes
	g.c = append(g.c, c)
	for at := 0; at < n; at += step {
		p := panel{part: part, at: at, n: min(step, n-at), pos: g.width}
		g.panels = append(g.panels, p)
		g.width += g.vecs(p) * g.e.lanes
	}
}

// depth adds n values of k, the next part, in chunks of even length.
func (g *product) depth(part, n int) {
	if n <= 0 {
		return
	}
	count := (n + g.e.chunk - 1) / g.e.chunk
	for i := range count {
		from, to := i*n/count, (i+1)*n/count
		g.chunks = append(g.chunks, chunk{part: part, at: from, off: g.k + from, n: to - from})
	}
	g.k += n
}

func (g *product) vecs(p panel) int { return (p.n + g.e.lanes - 1) / g.e.lanes }

func (g *product) run() {
	if g.k == 0 {
		g.writeZeros()
		return
	}
	g.plan()
	for j0 := 0; j0 < len(g.panels); {
		s := stage{j0: j0, j1: len(g.panels), c0: 0, c1: len(g.chunks)}
		for c0 := 0; c0 < len(g.chunks); {
			s.c0 = c0
			g.fit(&s)
			g.runStage(s)
			c0 = s.c1
		}
		j0 = s.j1
	}
}

// fit shortens a stage so that its packed part of B stays within the budget.
func (g *product) fit(s *stage) {
	s.c1 = len(g.chunks)
	s.acc = g.acc || s.c0 > 0
	if g.directB || g.packLate || g.splits > 1 || g.k*g.width <= packBudget {
		s.width = g.width
		return
	}
	depth := min(g.k, stageDepth)
	if s.c0 == 0 { // the first of the stages of these panels chooses their width
		cols := max(packBudget/depth, 2*g.e.lanes)
		stages := (g.width + cols - 1) / cols
		cols = (g.width + stages - 1) / stages
		first := g.panels[s.j0].pos
		for s.j1 = s.j0 + 1; s.j1 < len(g.panels) && g.panels[s.j1].pos-first < cols; s.j1++ {
		}
		s.width = g.pos(s.j1) - first
	}
	n := 0
	for s.c1 = s.c0; s.c1 < len(g.chunks) && (s.c1 == s.c0 || n+g.chunks[s.c1].n <= depth); s.c1++ {
		n += g.chunks[s.c1].n
	}
}

func (g *product) pos(j int) int {
	if j == len(g.panels) {
		return g.width
	}
	return g.panels[j].pos
}

func (g *product) runStage(s stage) {
	g.stage = s
	if !g.directB {
		g.packB()
	}
	if g.splits > 1 {
		g.partial = scratch(g.splits * g.m * g.width)
	}
	For(len(g.blocks)*g.splits, g.workTask)
	if g.splits > 1 {
		For((g.m+15)/16, g.reduceTask)
		g.partial.release()
		g.partial = nil
	}
	if !g.directB {
		g.packed.release()
		g.packed = nil
	}
}

// packB packs the stage's part of B, or makes room for the tasks that pack it themselves.
func (g *product) packB() {
	s := &g.stage
	if g.packLate {
		panel, squares := g.lateSize()
		g.packed = scratch(len(g.blocks) * g.splits * (panel + squares))
		return
	}
	depth := g.chunks[s.c1-1].off + g.chunks[s.c1-1].n - g.chunks[s.c0].off
	g.packed = scratch(depth * s.width)
	if g.l == NT {
		count := (s.j1 - s.j0) * (s.c1 - s.c0)
		s.group = max(1, taskElements*count/(depth*s.width))
		For((count+s.group-1)/s.group, g.packColsB)
		return
	}
	var tasks int
	s.strips, s.group, tasks = s.packTasks(g.chunks, s.width)
	For(tasks, g.packRowsB)
}

// writeZeros writes the empty sum.
func (g *product) writeZeros() {
	if g.acc {
		return
	}
	for _, p := range g.panels {
		for i := range g.m {
			clear(g.c[p.part].Row(i, p.at+p.n)[p.at:])
		}
	}
}
