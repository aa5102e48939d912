package kernels

// block is a part of C within a stage: of the tiles of row panels i0 to i1, panel by panel, one
// of several even parts.
type block struct{ i0, i1, part, parts int }

// What a plan aims at. The numbers were settled by timing the products of a 27M step: twice
// the budget or depth of a stage, 18 row panels a task, and a quarter to twice the tasks a
// thread change nothing that can be told from noise; 8 row panels cost the gradients of few
// rows a tenth.
const (
	// Values of B that are packed at a time, 4 MiB: a share of the last cache, so that
	// what was packed is still there for the last row of tasks. Four times as many where k
	// is divided, for then each is read once.
	packBudget = 1 << 20
	// k of a stage when B does not fit the budget: two chunks, for C is read and written
	// once a chunk and a stage of fewer columns packs A more often.
	stageDepth = 1024
	// With so few row panels, packing B costs more than reading it where it lies.
	directRows = 6
	// Tasks that many rows are cut into at least, where there are enough of them.
	productTasks = 48
	// Fewest operations of a task: a microsecond, several times what handing out costs.
	taskFLOPs = 1 << 18
	// Fewest operations of a task where threads have several.
	longFLOPs = 1 << 20
	// Fewest tiles of a task of several chunks, which calls for the next chunk meanwhile.
	longTiles = 32
	// Blocks of so many panels a part are cut between panels, others between tiles.
	wholePanels = 4
	// A of so many values stays in the second cache while a task goes through panels of B,
	// which it may then pack itself: few other tasks read them.
	lateArea = 160 << 10
	// The same where A and B are long: rows of a task, at most; columns, at least, which have A in
	// common; and tasks for each thread, at most.
	lateRows, lateColumns, lateTasks = 560, 256, 2
	// Row panels of a task: what it reads of A, at most 12 x 28 KiB, fits the second cache.
	taskPanels = 12
	// Rows of a task where B is read from memory: what it reads of B serves more of them.
	memoryRows = 168
	// Panels of a task from which on it pays to copy A.
	copyPanels = 16
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

// plan cuts the work. Chunks and splits decide the bits of the result, so they may depend
// on shapes and strides only; blocks decide none.
func (g *product) plan() {
	e, threads := g.e, Threads() // once: another goroutine may set them, and the system what 0 means
	g.rowPanels = (g.m + e.rows - 1) / e.rows
	g.rows = g.rows[:0]
	for i := range g.rowPanels + 1 { // of even height
		g.rows = append(g.rows, i*g.m/g.rowPanels)
	}
	g.directB = g.l != NT && (g.rowPanels <= directRows || g.spread())
	tasks := min(g.worth(taskFLOPs), productTasks)

	g.splits = 1
	small := g.m*g.width <= splitArea
	if small && tasks > 1 && len(g.chunks) >= 4 && g.k*(g.m+g.width) >= splitWorth*g.m*g.width && (g.directB || g.k*g.width <= 4*packBudget) {
		g.splits = min(tasks, len(g.chunks), maxSplits)
	}
	g.blocks, g.packLate = g.blocks[:0], false
	fromMemory := g.directB && g.k*g.width > 2*packBudget
	if g.l == TN && !g.directB && g.splits == 1 && g.k > g.e.chunk && g.m <= lateRows && g.width >= lateColumns*threads {
		g.cutLate(threads)
	} else if g.rowPanels < 2*taskPanels*threads || fromMemory {
		g.cutTiles(threads, fromMemory)
	} else {
		g.cutRows(threads, (tasks+g.splits-1)/g.splits)
	}
}

// worth is how many tasks of so many operations the product is worth.
func (g *product) worth(flops int) int { return max(1, 2*g.m*g.width*g.k/flops) }

// spread says that panels of B can be read where they lie: their rows start on cache lines,
// and do not share places of the cache, nor need an entry each of the address cache.
func (g *product) spread() bool {
	for _, b := range g.b {
		if b.Stride%line != 0 || b.Stride >= clash {
			return false
		}
	}
	return true
}

// cutTiles cuts C into even blocks. It is for few rows, or for a B that is read from memory:
// columns are cut first, so that what is read of B serves many rows.
func (g *product) cutTiles(threads int, fromMemory bool) {
	used := min(threads, g.worth(taskFLOPs))
	tasks := max(used, min(g.worth(longFLOPs), threadTasks*threads))
	if len(g.chunks) > g.splits {
		tasks = max(used, min(tasks, g.splits*g.rowPanels*len(g.panels)/longTiles))
	}
	tasks = (tasks + g.splits - 1) / g.splits
	panels := taskPanels
	if fromMemory {
		panels = max(panels, memoryRows/g.e.rows)
	}
	rows := (g.rowPanels + panels - 1) / panels
	g.packLate = !g.directB && g.m*g.k <= lateArea && len(g.panels) >= used
	if g.packLate {
		rows, tasks = 1, min(tasks, max(1, len(g.panels)/wholePanels)) // few share a panel
	}
	parts := (tasks + rows - 1) / rows
	if each := (used + g.splits - 1) / g.splits; rows == 1 {
		parts = (parts + each - 1) / each * each
	}
	parts = min(parts, g.rowPanels/rows*len(g.panels))
	// Those that read the same of B follow each other.
	for part := range parts {
		for i := range rows {
			g.blocks = append(g.blocks, block{i * g.rowPanels / rows, (i + 1) * g.rowPanels / rows, part, parts})
		}
	}
}

// cutLate cuts C into blocks of all its rows, whose tasks pack what they read of B. It is for
// gradients of weights: two long factors, which both come from memory, and columns for all threads.
func (g *product) cutLate(threads int) {
	g.packLate = true
	parts := min(lateTasks, g.width/lateColumns/threads) * threads
	for part := range parts {
		g.blocks = append(g.blocks, block{0, g.rowPanels, part, parts})
	}
}

// cutRows cuts C into blocks of rows, at least as many as given if there are the rows. In the share of each
// thread they are large at first, and the last ones are cut by columns too, so that all threads
// end at about the same time.
func (g *product) cutRows(threads, tasks int) {
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
