package kernels

import "math"

// forward works on some heads, or on a part of the queries of one. Parts near the end
// see more keys: they come first.
func (w *attentionWork) forward(task int) {
	all := w.B * w.Heads
	if w.c == nil {
		for i := task * w.heads; i < min(all, (task+1)*w.heads); i++ {
			w.forwardHead(w.head(w.o, i), w.lse[i*w.T:(i+1)*w.T], w.head(w.q, i), w.head(w.k, i), w.head(w.v, i))
		}
		return
	}
	f := newForwardHead(w)
	defer f.whole.release()
	if w.parts > 1 {
		t0 := (w.parts - 1 - task/all) * attentionKeys
		f.run(task%all, t0, min(w.T, t0+attentionKeys))
		return
	}
	for i := task * w.heads; i < min(all, (task+1)*w.heads); i++ {
		f.run(i, 0, w.T)
	}
}

// forwardBlocks is the work memory of a forward task.
type forwardBlocks struct {
	*attentionWork
	whole    *buffer
	ld       int       // of the scores
	keys     []float32 // packed columns
	values   []float32 // packed rows
	staging  []float32 // packed rows of keys, on their way to columns
	query    []float32 // packed rows of a tile
	p        []float32 // scores of a tile, then their exponentials
	top, sum []float32 // of each query: greatest score and sum of the exponentials so far
	was, now []float32 // of each query of a tile: top before, sum of this block
}

func newForwardHead(w *attentionWork) forwardBlocks {
	dp, keys, tile := w.padded(), roundUp(min(w.T, attentionKeys), w.panel()), w.e.rows
	rows := min(w.T, attentionKeys)
	f := forwardBlocks{attentionWork: w, ld: keys + w.e.lanes}
	f.whole = scratch(2*keys*dp + (w.e.lanes+tile)*dp + tile*f.ld + 2*rows + 2*tile)
	m := f.whole.f
	f.keys, f.values = carve(&m, keys*dp), carve(&m, keys*dp)
	f.staging, f.query, f.p = carve(&m, w.e.lanes*dp), carve(&m, tile*dp), carve(&m, tile*f.ld)
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
		keys := min(attentionKeys, t1-k0)
		f.packKeys(k.At(k0, 0), keys)
		f.packRows(f.values, v.At(k0, 0), keys)
		for tile := range tiles {
			r0, r1 := t0+tile*(t1-t0)/tiles, t0+(tile+1)*(t1-t0)/tiles
			f.tile(o.At(r0, 0), q.At(r0, 0), r0, r1-r0, k0, keys, f.top[r0-t0:], f.sum[r0-t0:])
			if k0+keys == t1 {
				for r := r0; r < r1; r++ {
					row, sum := o.Row(r, f.Dim), f.sum[r-t0]
					scaleRow(row, row, 1/sum)
					lse[r] = f.top[r-t0] + float32(math.Log(float64(sum)))
				}
			}
		}
	}
}

// packKeys turns n rows of keys into columns, a vector of them at a time.
func (f *forwardBlocks) packKeys(k View, n int) {
	lanes, dp, panel := f.e.lanes, f.padded(), f.panel()
	for j := 0; j < n; j += lanes {
		count := min(lanes, n-j)
		clear(f.staging[count*dp:])
		f.packRows(f.staging, k.At(j, 0), count)
		f.e.transpose(dp/lanes, &f.staging[0], dp, &f.keys[j/panel*panel*dp+j%panel], panel)
	}
}

// tile adds a block of keys, which starts at key k0, to the outputs of count queries,
// which start at query t >= k0.
func (f *forwardBlocks) tile(o, q View, t, count, k0, keys int, top, sum []float32) {
	n := min(keys, t+count-k0) // keys that the last query sees
	f.packRows(f.query, q, count)
	f.scores(f.p, f.ld, f.query, count, f.keys, n)
	first := k0 == 0
	if !first {
		copy(f.was, top[:count])
	}
	f.c.softmax(count, &f.p[0], f.ld, t+1-k0, keys, n, f.scale, &top[0], &f.now[0])
	for r := range count {
		if first {
			sum[r] = f.now[r]
			continue
		}
		shrink := exp32(f.was[r] - top[r])
		sum[r] = sum[r]*shrink + f.now[r]
		if shrink != 1 {
			row := o.Row(r, f.Dim)
			scaleRow(row, row, shrink)
		}
	}
	f.combine(o, count, n, f.p, f.ld, 1, f.values, !first)
}
