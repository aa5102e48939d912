package kernels

import "sync"

// product is one matrix product on its way. C is cut into panels of columns and k
// into chunks, by shape alone; tasks are blocks of row panels by panels.
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
	blocks     []block // of C, one a task
	splits     int     // tasks that share a tile of C and divide k
	directB    bool
	packLate   bool // tasks pack the panels that they alone read
	stage      stage
	packed     *buffer // panels of B of this stage
	partial    *buffer // sums of each split
	packRowsB  func(int)
	packColsB  func(int)
	workTask   func(int)
	reduceTask func(int)
}

// block is a part of C within a stage: of the tiles of row panels i0 to i1, panel by panel, one
// of several even parts.
type block struct{ i0, i1, part, parts int }

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

	strips, group int // of tasks that pack: see packTasks
}

var products = sync.Pool{New: func() any {
	g := new(product)
	g.packRowsB, g.packColsB = g.packRowsOfB, g.packColumnsOfB
	g.workTask, g.reduceTask = g.work, g.reduce
	return g
}}

func newProduct(l Layout, m int, a View, acc bool) *product {
	g := products.Get().(*product)
	g.e, g.l, g.m, g.k, g.width, g.a, g.acc = engineFor(isa), l, m, 0, 0, a, acc
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

// What a plan aims at. The numbers were settled by timing the products of a 27M step: twice
// the budget or depth of a stage, 18 row panels a task, and a quarter to twice the tasks a
// thread change nothing that can be told from noise; 8 row panels cost the gradients of few
// rows a tenth.
const (
	// Values of B that are packed at a time, 4 MiB: a share of the last cache, so that
	// what was packed is still there for the last row of tasks.
	packBudget = 1 << 20
	// k of a stage when B does not fit the budget: two chunks, for C is read and written
	// once a chunk and a stage of fewer columns packs A more often.
	stageDepth = 1024
	// With so few row panels, packing B costs more than reading it where it lies.
	directRows = 6
	// Most tasks of a product, and parts that it may divide k into.
	productTasks = 48
	// Fewest operations of a task: a microsecond, several times what handing out costs.
	taskFLOPs = 1 << 18
	// Where threads have several tasks, they are this many times longer.
	several = 4
	// Blocks of so many panels a part are cut between panels, others between tiles.
	wholePanels = 4
	// A of so many values stays in the second cache while a task goes through panels of B,
	// which it may then pack itself: other tasks do not read them.
	lateArea = 160 << 10
	// Row panels of a task: what it reads of A, at most 12 x 28 KiB, fits the second cache.
	taskPanels = 12
	// Rows of a task where B is read from memory: what it reads of B serves more of them.
	memoryRows = 168
	// Panels of B from which on it pays to copy A, where tiles use but a part of its lines.
	copyPanels = 24
	// A block of rows is what is left of a thread's share divided by this.
	guide = 2
	// Parts of columns that the last rows of a share are cut into.
	lastCuts = 6
	// Tasks for each thread, where rows alone give fewer.
	threadTasks = 16
	// Products of so few elements of C may divide k, and need memory for a copy of C a
	// split: at most maxSplits of them.
	splitArea = 1 << 16
	maxSplits = 16
	// Dividing k pays when A and B have this many times the elements of C.
	splitWorth = 64
)

func (g *product) run() {
	if g.k == 0 {
		g.clear()
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
	if g.directB || g.splits > 1 || g.k*g.width <= packBudget {
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

// plan cuts the work. Chunks and splits decide the bits of the result, so they may depend
// on shapes and strides only.
func (g *product) plan() {
	e := g.e
	g.rowPanels = (g.m + e.rows - 1) / e.rows
	g.rows = g.rows[:0]
	for i := range g.rowPanels + 1 { // of even height
		g.rows = append(g.rows, i*g.m/g.rowPanels)
	}
	g.directB = g.l != NT && (g.rowPanels <= directRows || g.spread())
	flops := 2 * g.m * g.width * g.k
	tasks := min(max(flops/taskFLOPs, 1), productTasks)

	g.splits = 1
	small := g.m*g.width <= splitArea
	if small && tasks > 1 && len(g.chunks) >= 4 && g.k*(g.m+g.width) >= splitWorth*g.m*g.width && (g.directB || g.k*g.width <= 4*packBudget) {
		g.splits = min(tasks, len(g.chunks), maxSplits)
		tasks = (tasks + g.splits - 1) / g.splits
	}
	g.cut(tasks)
}

// spread says that panels of B can be read where they lie: their rows start on cache lines
// and do not share places of the cache.
func (g *product) spread() bool {
	for _, b := range g.b {
		if b.Stride%line != 0 || b.Stride%clash == 0 {
			return false
		}
	}
	return true
}

// cut cuts C into blocks of rows and columns for about as many tasks as given. No bit of
// the result depends on it.
func (g *product) cut(tasks int) {
	g.blocks, g.packLate = g.blocks[:0], false
	e, threads := g.e, Threads()
	fromMemory := g.directB && g.k*g.width > 2*packBudget
	if g.rowPanels < 2*taskPanels*threads || fromMemory {
		// Few rows, or a B that is read from memory: columns are cut first, so that what is
		// read of B serves many rows.
		used := min(threads, tasks)
		if g.splits == 1 {
			tasks = min(max(used, tasks/several), threadTasks*threads)
		}
		panels := taskPanels
		if fromMemory {
			panels = max(panels, memoryRows/e.rows)
		}
		rows := (g.rowPanels + panels - 1) / panels
		g.packLate = !g.directB && g.m*g.k <= lateArea && len(g.panels) >= used
		if g.packLate {
			rows, tasks = 1, min(tasks, max(1, len(g.panels)/wholePanels)) // few share a panel
		}
		parts := (tasks + rows - 1) / rows
		if rows == 1 {
			parts = (parts + used - 1) / used * used
		}
		parts = min(parts, g.rowPanels/rows*len(g.panels))
		// Those that read the same of B follow each other.
		for part := range parts {
			for i := range rows {
				g.blocks = append(g.blocks, block{i * g.rowPanels / rows, (i + 1) * g.rowPanels / rows, part, parts})
			}
		}
		return
	}
	// In the share of each thread blocks of rows are large at first, and the last ones are cut
	// by columns too, so that all threads end at about the same time.
	least := max(1, (g.rowPanels+tasks-1)/tasks, min(2, g.rowPanels/(4*threads)))
	for t := range threads {
		for i, end := t*g.rowPanels/threads, (t+1)*g.rowPanels/threads; i < end; {
			n := min(taskPanels, max(least, (end-i)/guide), end-i)
			parts := 1
			if i+n == end {
				parts = min(lastCuts, len(g.panels))
			}
			for part := range parts {
				g.blocks = append(g.blocks, block{i, i + n, part, parts})
			}
			i += n
		}
	}
}

// tilesOf gives the tiles of a block in this stage, from the first tile of its row panels on.
func (g *product) tilesOf(b block) (from, to int) {
	return g.edge(b, b.part), g.edge(b, b.part+1)
}

// edge is the first tile of a part of the block's row panels.
func (g *product) edge(b block, part int) int {
	panels, rows := g.stage.j1-g.stage.j0, b.i1-b.i0
	switch {
	case part == 0:
		return 0
	case part == b.parts:
		return panels * rows
	case panels >= wholePanels*b.parts:
		return part * panels / b.parts * rows
	}
	area := 2 * panels * rows // in vectors of a row panel
	if len(g.c) == 1 {
		area = rows * g.stage.width / g.e.lanes // the last panel may have one
	}
	return (part*area + b.parts) / (2 * b.parts)
}

func (g *product) runStage(s stage) {
	g.stage = s
	depth := g.chunks[s.c1-1].off + g.chunks[s.c1-1].n - g.chunks[s.c0].off
	if !g.directB {
		if g.packLate {
			panel, squares := g.lateSize()
			g.packed = scratch(len(g.blocks) * g.splits * (panel + squares))
		} else {
			g.packed = scratch(depth * s.width)
		}
		switch {
		case g.packLate:
		case g.l == NT:
			count := (s.j1 - s.j0) * (s.c1 - s.c0)
			g.stage.group = max(1, taskElements*count/(depth*s.width))
			run((count+g.stage.group-1)/g.stage.group, g.packColsB)
		default:
			var tasks int
			g.stage.strips, g.stage.group, tasks = s.packTasks(g.chunks, s.width)
			run(tasks, g.packRowsB)
		}
	}
	if g.splits > 1 {
		g.partial = scratch(g.splits * g.m * g.width)
	}
	run(len(g.blocks)*g.splits, g.workTask)
	if g.splits > 1 {
		run((g.m+15)/16, g.reduceTask)
		g.partial.release()
		g.partial = nil
	}
	if !g.directB {
		g.packed.release()
		g.packed = nil
	}
}

func run(n int, task func(int)) {
	if n == 1 {
		task(0)
		return
	}
	For(n, task)
}

// clear writes the empty sum.
func (g *product) clear() {
	if g.acc {
		return
	}
	for _, p := range g.panels {
		for i := range g.m {
			clear(g.c[p.part].Row(i, p.at+p.n)[p.at:])
		}
	}
}
