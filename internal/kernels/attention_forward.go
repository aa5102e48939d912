package kernels

import "math"

// forward works on some heads, or on a part of the queries of one. Parts near the end
// see more keys: they come first.
func (w *attentionWork) forward(task int) {
	all := w.B * w.Heads
	end := min(all, (task+1)*w.heads)
	if w.c == nil {
		for i := task * w.heads; i < end; i++ {
			w.forwardHead(w.head(w.o, i), w.lse[i*w.T:(i+1)*w.T], w.head(w.q, i), w.head(w.k, i), w.head(w.v, i))
		}
		return
	}
	f := newForwardBlocks(w)
	defer f.whole.release()
	if w.parts > 1 {
		t0 := (w.parts - 1 - task/all) * attentionKeys
		f.run(task%all, t0, min(w.T, t0+attentionKeys))
		return
	}
	for i := task * w.heads; i < end; i++ {
		if next := i + 1; next < all { // of this task, or of the one that the thread takes next
			f.lookAhead(next, w.q, w.k, w.v, w.o)
		}
		f.run(i, 0, w.T)
	}
}

// forwardBlocks is the work memory of a forward task.
type forwardBlocks struct {
	attentionTask
	whole    *buffer
	ld       int       // of the scores
	packed   int       // how many keys of the block are packed
	keys     []float32 // packed columns
	staging  []float32 // packed rows of keys, on their way to columns
	p        []float32 // scores of a tile, then their exponentials
	top, sum []float32 // of each query: greatest score and sum of the exponentials so far
	was, now []float32 // of each query of a tile: top before this block, sum in it
}

func newForwardBlocks(w *attentionWork) forwardBlocks {
	dp, keys, tile := w.padded(), roundUp(min(w.T, attentionKeys), w.panel()), w.e.rows
	rows := min(w.T, attentionKeys)
	f := forwardBlocks{attentionTask: attentionTask{attentionWork: w}, ld: keys + w.e.lanes}
	f.whole = scratch(keys*dp + w.e.lanes*dp + tile*f.ld + 2*rows + 2*tile)
	m := f.whole.f
	f.keys = carve(&m, keys*dp)
	f.staging, f.p = carve(&m, w.e.lanes*dp), carve(&m, tile*f.ld)
	f.top, f.sum, f.was, f.now = carve(&m, rows), carve(&m, rows), carve(&m, tile), carve(&m, tile)
	return f
}

// run computes the outputs of queries t0 to t1 of head i: for each block of keys, of
// each tile of queries that sees some of them, the scores, their exponentials
// relative to the greatest score so far, and the sum of values so weighted. A greater
// score in a later block shrinks what was summed before it.
func (f *forwardBlocks) run(i, t0, t1 int) {
	o, q, k, v := f.head(f.o, i), f.head(f.q, i), f.head(f.k, i), f.head(f.v, i)
	lse := f.lse[i*f.T : (i+1)*f.T]
	for t := range t1 - t0 {
		f.top[t] = float32(math.Inf(-1))
	}
	tiles := (t1 - t0 + f.e.rows - 1) / f.e.rows
	for k0 := 0; k0 < t1; k0 += attentionKeys {
		f.packed = 0
		keys := min(attentionKeys, t1-k0)
		last := k0+keys == t1
		for tile := range tiles {
			r0, r1 := t0+tile*(t1-t0)/tiles, t0+(tile+1)*(t1-t0)/tiles
			n := min(keys, r1-k0) // keys that the last query sees
			f.packKeys(k.At(k0, 0), n, keys)
			f.tile(o.At(r0, 0), q.At(r0, 0), v.At(k0, 0), r0, r1-r0, k0, keys, f.top[r0-t0:], f.sum[r0-t0:])
			if last {
				f.finish(o.At(r0, 0), lse[r0:r1], f.top[r0-t0:], f.sum[r0-t0:])
			}
		}
	}
}

// finish divides the outputs of a tile of queries by the sums of their exponentials.
func (f *forwardBlocks) finish(o View, lse, top, sum []float32) {
	for r := range lse {
		lse[r] = top[r] + log32(sum[r])
		f.now[r] = 1 / sum[r]
	}
	f.c.scaleRows(len(lse), f.Dim, &o.Data[0], o.Stride, &f.now[0])
}

// packKeys sees to it that at least the first n of the block's keys are packed as columns, a
// vector of them at a time.
func (f *forwardBlocks) packKeys(k View, n, keys int) {
	lanes, dp, panel := f.e.lanes, f.padded(), f.panel()
	for ; f.packed < n; f.packed += lanes {
		j, count := f.packed, min(lanes, keys-f.packed)
		clear(f.staging[count*dp:])
		f.packRows(f.staging, k.At(j, 0), count)
		f.e.transpose(dp/lanes, &f.staging[0], dp, &f.keys[j/panel*panel*dp+j%panel], panel)
	}
}

// tile adds a block of keys, which starts at key k0, to the outputs of count queries,
// which start at query t >= k0.
func (f *forwardBlocks) tile(o, q, v View, t, count, k0, keys int, top, sum []float32) {
	n := min(keys, t+count-k0) // keys that the last query sees
	f.scores(f.p, f.ld, q, count, f.keys, n)
	first := k0 == 0
	if !first {
		copy(f.was, top[:count])
	}
	f.c.softmax(count, &f.p[0], f.ld, t+1-k0, keys, n, f.scale, &top[0], &f.now[0])
	if first {
		copy(sum[:count], f.now)
	} else {
		for r := range count {
			f.was[r] = exp32(f.was[r] - top[r])
			sum[r] = sum[r]*f.was[r] + f.now[r]
		}
		f.c.scaleRows(count, f.Dim, &o.Data[0], o.Stride, &f.was[0])
	}
	f.combine(o, count, n, f.p, f.ld, 1, v, !first)
}
