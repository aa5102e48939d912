package kernels

// backward works on some heads.
func (w *attentionWork) backward(task int) {
	first, end := task*w.heads, min(w.B*w.Heads, (task+1)*w.heads)
	if w.c == nil {
		for i := first; i < end; i++ {
			w.backwardHead(w.head(w.dq, i), w.head(w.dk, i), w.head(w.dv, i), w.head(w.do, i), w.head(w.o, i),
				w.lse[i*w.T:(i+1)*w.T], w.head(w.q, i), w.head(w.k, i), w.head(w.v, i))
		}
		return
	}
	b := newBackwardBlocks(w)
	defer b.whole.release()
	for i := first; i < end; i++ {
		if next := i + 1; next < w.B*w.Heads { // as in forward
			b.lookAhead(next, w.q, w.k, w.v, w.do, w.o, w.dq, w.dk, w.dv)
		}
		b.run(i)
	}
}

// backwardBlocks is the work memory of a backward task.
type backwardBlocks struct {
	attentionTask
	whole              *buffer
	query, out, keys   View      // rows of q, do and k
	keyCols, valueCols []float32 // packed columns of k and v
	staging            []float32 // packed rows, on their way to columns
	ld                 int       // of p and ds
	p, ds              []float32 // [queries,keys]: probabilities and gradients of the scores
	delta              []float32 // of each query: scale * do·o
}

func newBackwardBlocks(w *attentionWork) backwardBlocks {
	dp, keys, rows := w.padded(), roundUp(min(w.T, attentionGradKeys), w.panel()), min(w.T, attentionGradRows)
	// A stride of whole vectors, but not of a power of two: columns are read as well.
	b := backwardBlocks{attentionTask: attentionTask{attentionWork: w}, ld: keys + w.e.lanes}
	b.whole = scratch(3*keys*dp + 2*rows*b.ld + w.T)
	m := b.whole.f
	b.keyCols, b.valueCols, b.staging = carve(&m, keys*dp), carve(&m, keys*dp), carve(&m, keys*dp)
	b.p, b.ds = carve(&m, rows*b.ld), carve(&m, rows*b.ld)
	b.delta = carve(&m, w.T)
	return b
}

// run computes the gradients of head i, block of keys by block of queries: p and ds
// as in backwardHead, then
//
//	dq += ds·k, dk += dsᵀ·q, dv += pᵀ·do
//
// Tiles above the diagonal are skipped; in those that it crosses p and ds are zero.
func (b *backwardBlocks) run(i int) {
	q, k, v, do, o := b.head(b.q, i), b.head(b.k, i), b.head(b.v, i), b.head(b.do, i), b.head(b.o, i)
	b.c.dotRows(b.T, b.Dim, &do.Data[0], do.Stride, &o.Data[0], o.Stride, b.scale, &b.delta[0])
	for k0 := 0; k0 < b.T; k0 += attentionGradKeys {
		keys := min(attentionGradKeys, b.T-k0)
		b.keys = k.At(k0, 0)
		b.columns(b.keyCols, b.keys, keys)
		b.columns(b.valueCols, v.At(k0, 0), keys)
		for q0 := k0; q0 < b.T; q0 += attentionGradRows {
			rows := min(attentionGradRows, b.T-q0)
			b.query, b.out = q.At(q0, 0), do.At(q0, 0)
			b.queries(i, q0, rows, k0, keys)
			b.keysAndValues(i, q0, rows, k0, keys)
		}
	}
}

// columns packs n rows and turns them into columns.
func (b *backwardBlocks) columns(dst []float32, src View, n int) {
	b.packRows(b.staging, src, n)
	clear(b.staging[n*b.padded() : roundUp(n, b.e.lanes)*b.padded()])
	b.packColumns(dst, b.staging, n)
}

// queries computes p, ds and dq for a block of queries and keys.
func (b *backwardBlocks) queries(i, q0, rows, k0, keys int) {
	dq, lse := b.head(b.dq, i), b.lse[i*b.T:(i+1)*b.T]
	tiles := (rows + b.e.rows - 1) / b.e.rows
	for tile := range tiles {
		r0, r1 := tile*rows/tiles, (tile+1)*rows/tiles
		count, at := r1-r0, r0*b.ld
		seen := q0 + r0 + 1 - k0        // keys that the first query sees
		n := min(keys, seen+count-1)    // and the last one
		fill := min(keys, n+b.e.rows-1) // what tiles of keys read of these rows
		b.scores(b.p[at:], b.ld, b.query.At(r0, 0), count, b.keyCols, n)
		b.scores(b.ds[at:], b.ld, b.out.At(r0, 0), count, b.valueCols, n)
		b.c.softmaxBackward(count, &b.p[at], &b.ds[at], b.ld, seen, keys, fill, b.scale, &lse[q0+r0], &b.delta[q0+r0])
		b.combine(dq.At(q0+r0, 0), count, n, b.ds[at:], b.ld, 1, b.keys, k0 > 0)
	}
}

// keysAndValues adds a block of queries to dk and dv of a block of keys.
func (b *backwardBlocks) keysAndValues(i, q0, rows, k0, keys int) {
	dk, dv := b.head(b.dk, i), b.head(b.dv, i)
	tiles := (keys + b.e.rows - 1) / b.e.rows
	for tile := range tiles {
		j0, j1 := tile*keys/tiles, (tile+1)*keys/tiles
		seenBy := k0 + j0 - q0 // the first query that sees the first key
		first := max(0, seenBy)
		if first >= rows {
			return
		}
		at, acc := first*b.ld+j0, seenBy < 0
		b.combine(dv.At(k0+j0, 0), j1-j0, rows-first, b.p[at:], 1, b.ld, b.out.At(first, 0), acc)
		b.combine(dk.At(k0+j0, 0), j1-j0, rows-first, b.ds[at:], 1, b.ld, b.query.At(first, 0), acc)
	}
}
