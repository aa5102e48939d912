package kernels

import "sync"

// convPass is one forward or backward convolution on its way through assembly. Each
// sequence is cut into tiles of neighbouring positions; a task takes a run of tiles.
// The cut depends on the shape alone.
type convPass struct {
	Conv
	code     *convCode
	loop     convLoop
	backward bool

	x, gen, dy, out, dgen View // out is y or dx
	u, s, du, ds          []float32
	acc                   bool

	rank   int // 0 unless low-rank
	vecs   int // vectors of channels, the last perhaps not whole
	stride int // values of the factors of a vector of channels
	tiles  int // of a sequence
	tasks  int
	stream int // see View.stream

	factors *buffer // see convRun
	parts   *buffer // the gradients of the factors: a partial sum of each task

	packTask, workTask, sumTask func(int)
}

const (
	convTask     = 32 << 10 // elements of a task
	convPartials = 16       // most partial sums of the gradients of u and s
	convColumns  = 64       // channels of row-wise gradients taken at a time: all their rows stay in the nearest cache
	convRows     = 8        // their rows between those in work and those fetched
	convFetch    = 4 << 10  // bytes between the row in work and the one fetched, forward
	convArea     = 6 << 10  // elements that low-rank loops take at a time: of 12 to 48 positions
	convSums     = 24 << 10 // bytes of the lane sums of dz, which the nearest cache holds beside what the loops read
)

var convPasses = sync.Pool{New: func() any {
	p := new(convPass)
	p.packTask, p.workTask, p.sumTask = p.pack, p.work, p.sum
	return p
}}

func newConvPass(c Conv, code *convCode, loop convLoop) *convPass {
	p := convPasses.Get().(*convPass)
	p.Conv, p.code, p.loop = c, code, loop
	p.rank = 0
	if c.Kind == ConvLowRank {
		p.rank = c.Rank
	}
	p.vecs = (c.D + code.lanes - 1) / code.lanes
	p.stride = (1 + p.rank) * c.W * code.lanes
	p.tiles = (c.T + loop.tile - 1) / loop.tile
	p.tasks = min(max(1, c.B*c.T*c.D/convTask), c.B*p.tiles)
	return p
}

// release lets go of the caller's memory.
func (p *convPass) release() {
	*p = convPass{packTask: p.packTask, workTask: p.workTask, sumTask: p.sumTask}
	convPasses.Put(p)
}

func (p *convPass) run() {
	if p.Kind != ConvLowRank { // whose loops wait for arithmetic, and write a vector of each row
		p.stream = p.out.stream(p.B*p.T, p.D)
	}
	p.factors = scratch(p.vecs * p.stride)
	defer p.factors.release()
	if p.backward {
		p.tasks = min(p.tasks, convPartials)
		p.parts = scratch(p.tasks * p.vecs * p.stride)
		defer p.parts.release()
	}
	For(p.vecs, p.packTask)
	For(p.tasks, p.workTask)
	if p.backward && len(p.du)+len(p.ds) > 0 {
		For(p.vecs, p.sumTask)
	}
}

// lanes is how many channels vector v has.
func (p *convPass) lanes(v int) int { return min(p.code.lanes, p.D-v*p.code.lanes) }

// pack lays out the factors of one vector of channels. A residual is one more static
// tap of 1.
func (p *convPass) pack(v int) {
	lanes, first := p.lanes(v), v*p.code.lanes
	f := p.factors.f[v*p.stride : (v+1)*p.stride]
	static := f[:p.W*p.code.lanes]
	clear(static)
	if p.hasStatic() {
		for k := range p.W {
			copy(static[k*p.code.lanes:], p.s[k*p.D+first:k*p.D+first+lanes])
		}
	}
	if p.Residual {
		for i := range lanes {
			static[i]++
		}
	}
	if p.rank > 0 {
		p.code.copyRows(p.rank*p.W, &p.u[first], p.D, &f[len(static)], p.code.lanes, lanes)
	}
}

// sum adds the partial sums of the gradients of the factors of one vector of channels.
func (p *convPass) sum(v int) {
	size, first := p.W*p.code.lanes, v*p.code.lanes
	parts := p.parts.f[v*p.stride:]
	add := func(n int, dst, src *float32) {
		p.code.partialSums(n, p.tasks, dst, 4*p.D, src, 4*p.vecs*p.stride, p.lanes(v), p.acc)
	}
	if len(p.ds) > 0 {
		add(p.W, &p.ds[first], &parts[0])
	}
	if p.rank > 0 {
		add(p.rank*p.W, &p.du[first], &parts[size])
	}
}
