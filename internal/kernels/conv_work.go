package kernels

import "sync"

// convWork is one task of a convPass. Most tiles are read and written where they lie.
// Tiles at the ends of a sequence, and the channels that do not fill a vector, go
// through copies with zeros around them, so that the loops have no special cases.
type convWork struct {
	p    *convPass
	run  convRun
	most int       // tiles of a run
	rows int       // from the first in work to those fetched
	part []float32 // gradients of the factors
	sums *buffer   // low-rank: dz of a run, apart by lanes
}

var convWorks = sync.Pool{New: func() any { return new(convWork) }}

// work runs the tiles of one task.
func (p *convPass) work(task int) {
	w := convWorks.Get().(*convWork)
	w.start(p, task)
	all := p.B * p.tiles
	for i, end := task*all/p.tasks, (task+1)*all/p.tasks; i < end; {
		b, tile := i/p.tiles, i%p.tiles
		n := w.inside(tile, min(p.tiles, tile+end-i))
		w.do(b, tile*p.loop.tile, max(n, 1), n == 0)
		i += max(n, 1)
	}
	if w.sums != nil {
		w.sums.release()
	}
	*w = convWork{}
	convWorks.Put(w)
}

// start sets what all runs of the task share.
func (w *convWork) start(p *convPass, task int) {
	w.p, w.most = p, p.tiles
	w.run.rank = p.rank
	tile := p.loop.tile
	if p.Kind == ConvLowRank {
		w.most = max(1, min(max(convArea/p.D, 12), 48)/tile)
	}
	w.rows = tile + p.W - 2 + (convFetch+4*p.D-1)/(4*p.D)
	if p.backward {
		w.rows = tile + p.W - 2 + convRows
		size := p.vecs * p.stride
		w.part = p.parts.f[task*size : (task+1)*size]
		clear(w.part)
		if p.Kind == ConvLowRank {
			values := tile * p.rank * p.code.lanes
			w.most = min(w.most, max(1, convSums/4/values))
			w.sums = scratch(w.most*values + p.code.lanes*p.code.lanes)
		}
	}
	if p.Kind == ConvLowRank {
		w.rows = w.most * tile
	}
}

// inside says how many of the tiles from first to last-1 can be worked on at once
// where they lie: none when the first one needs positions that do not exist.
func (w *convWork) inside(first, last int) int {
	p, behind := w.p, 0
	if p.backward {
		behind = p.W - 1
	}
	if first*p.loop.tile < p.W-1 {
		return 0
	}
	return max(0, min(last, (p.T-behind)/p.loop.tile, first+w.most)-first)
}

// do works on n tiles that start at position t of sequence b. Those at an edge go
// through copies.
func (w *convWork) do(b, t, n int, edge bool) {
	p := w.p
	rows := n * p.loop.tile
	w.run.tiles = n

	var gen, dgen *buffer
	if cols := p.GenCols(); cols > 0 {
		if edge {
			gen = scratch((rows + p.W - 1) * cols)
			defer gen.release()
			p.padded(gen.f, cols, p.gen, 0, cols, p.genRow(b, 0), t, rows+p.W-1)
			w.run.gen, w.run.genStride = &gen.f[0], 4*cols
		} else {
			w.run.gen, w.run.genStride = p.gen.at(p.genRow(b, t))
		}
		switch {
		case !p.backward:
		case p.Kind == ConvLowRank:
			clear(w.sums.f[:rows*p.rank*p.code.lanes])
			w.run.dgen, w.run.dgenStride = &w.sums.f[0], 4*p.rank*p.code.lanes
		case edge:
			dgen = scratch(rows * cols)
			defer dgen.release()
			w.run.dgen, w.run.dgenStride = &dgen.f[0], 4*cols
		default:
			w.run.dgen, w.run.dgenStride = p.dgen.at(p.genRow(b, t))
		}
	}

	whole := p.D / p.code.lanes
	if edge {
		whole = 0
	}
	if whole > 0 {
		row := b*p.T + t
		w.run.x, w.run.xStride = p.x.at(row - p.W + 1)
		w.run.out, w.run.outStride = p.out.at(row)
		w.run.stream = p.stream
		if p.backward {
			w.run.dy, w.run.dyStride = p.dy.at(row)
		}
		w.vectors(0, whole)
	}
	if whole < p.vecs {
		w.copied(b, t, rows, whole)
	}

	rows = min(rows, p.T-t)
	if dgen != nil {
		for i := range rows {
			copy(p.dgen.Row(p.genRow(b, t+i), p.GenCols()), dgen.f[i*p.GenCols():])
		}
	}
	if w.sums != nil {
		w.storeSums(p.genRow(b, t), rows)
	}
}

// at gives the address of row i and the distance to the next row in bytes, as
// assembly takes them.
func (v View) at(i int) (*float32, int) { return &v.Data[i*v.Stride], 4 * v.Stride }

// copied works on the vectors of channels from v on, by copies of x and dy.
func (w *convWork) copied(b, t, rows, v int) {
	p := w.p
	first := v * p.code.lanes
	cols, wide := p.D-first, (p.vecs-v)*p.code.lanes
	in, ahead := (rows+p.W-1)*wide, 0
	if p.backward {
		ahead = in
	}
	buf := scratch(in + ahead + rows*wide)
	defer buf.release()
	x, dy, out := buf.f[:in], buf.f[in:in+ahead], buf.f[in+ahead:]
	p.padded(x, wide, p.x, first, cols, b*p.T, t-p.W+1, rows+p.W-1)
	w.run.x, w.run.xStride = &x[0], 4*wide
	if p.backward {
		p.padded(dy, wide, p.dy, first, cols, b*p.T, t, rows+p.W-1)
		w.run.dy, w.run.dyStride = &dy[0], 4*wide
	}
	w.run.out, w.run.outStride = &out[0], 4*wide
	w.run.stream = 0
	w.vectors(v, p.vecs)
	for i := range min(rows, p.T-t) {
		copy(p.out.At(b*p.T+t+i, first).Data[:cols], out[i*wide:])
	}
}

// padded copies columns of rows t to t+n-1 of the sequence whose row 0 is given to
// rows of wide values. What does not exist is zero.
func (p *convPass) padded(dst []float32, wide int, src View, first, cols, row0, t, n int) {
	for i := range n {
		d := dst[i*wide : (i+1)*wide]
		if t+i < 0 || t+i >= p.T {
			clear(d)
			continue
		}
		o := (row0+t+i)*src.Stride + first
		clear(d[copy(d, src.Data[o:o+cols]):])
	}
}

// vectors runs the loop on the vectors of channels v to end-1, where x, dy and out
// point to the first of them.
func (w *convWork) vectors(v, end int) {
	p, r := w.p, &w.run
	most, group := end, 0 // vectors of a run, and of a head that has taps of its own
	if p.backward {
		most = convColumns / p.code.lanes
	}
	switch p.Kind {
	case ConvHeadwise:
		group = p.HeadSize / p.code.lanes
		most = max(most/group, 1) * group
	case ConvLowRank:
		most = 1
	}
	r.xAhead, r.dyAhead = w.rows*r.xStride, w.rows*r.dyStride
	r.outAhead, r.genAhead = w.rows*r.outStride, w.rows*r.genStride
	for {
		n := min(most, end-v)
		r.groups, r.vecs = 1, n
		if group > 0 {
			r.groups, r.vecs = n/group, group
		}
		r.factors = &p.factors.f[v*p.stride]
		if p.backward {
			r.dfactors = &w.part[v*p.stride]
		}
		p.loop.do(r)
		if v += n; v == end {
			return
		}
		r.x, r.out = at(r.x, n*p.code.lanes), at(r.out, n*p.code.lanes)
		if p.backward {
			r.dy = at(r.dy, n*p.code.lanes)
		}
		if group > 0 {
			r.gen, r.dgen = at(r.gen, r.groups*p.W), at(r.dgen, r.groups*p.W)
		}
	}
}

// storeSums adds up the lanes of dz and writes the rows of dgen.
func (w *convWork) storeSums(row, rows int) {
	p, lanes := w.p, w.p.code.lanes
	to, stride := p.dgen.at(row)
	switch {
	case p.rank == lanes:
		p.code.laneSums(rows, to, stride, &w.sums.f[0])
	case p.rank%lanes == 0:
		for i := range rows {
			p.code.laneSums(p.rank/lanes, &p.dgen.Row(row+i, p.rank)[0], 4*lanes, &w.sums.f[i*p.rank*lanes])
		}
	default:
		n := (rows*p.rank + lanes - 1) / lanes
		flat := scratch(n * lanes)
		defer flat.release()
		p.code.laneSums(n, &flat.f[0], 4*lanes, &w.sums.f[0])
		for i := range rows {
			copy(p.dgen.Row(row+i, p.rank), flat.f[i*p.rank:])
		}
	}
}
