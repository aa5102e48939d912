package kernels

import (
	"math"
	"sync"
)

// attentionWork is one call of Attention on its way. It is kept, tasks included, so
// that calls make no garbage.
type attentionWork struct {
	Attention
	e     *engine  // tiles of the matrix multiply
	c     *expCode // nil where there is only plain Go
	scale float32  // of the scores

	o, q, k, v     View
	do, dq, dk, dv View
	lse            []float32

	heads int // each task works on so many heads
	parts int // or, when it is 1, on one of so many parts of a head's queries

	forwardTask, backwardTask func(task int)
}

var attentionWorks = sync.Pool{New: func() any {
	w := new(attentionWork)
	w.forwardTask, w.backwardTask = w.forward, w.backward
	return w
}}

func newAttentionWork(a Attention) *attentionWork {
	w := attentionWorks.Get().(*attentionWork)
	w.Attention, w.e, w.c = a, engines[isa], expNow()
	w.scale = float32(1 / math.Sqrt(float64(a.Dim)))
	return w
}

// Sizes of blocks. The keys of a forward block, and what goes with a block of the
// backward pass, stay in the second-level cache.
const (
	attentionKeys     = 512 // keys of a block, forward
	attentionGradKeys = 128 // keys of a block, backward
	attentionGradRows = 256 // queries of a block, backward
	// attentionWorth is about how many multiply-adds of each product are worth a
	// task: several heads share one where heads are small.
	attentionWorth = 1 << 24
	// attentionAhead is the greatest T*Dim for which the second-level cache holds the
	// next head as well as this one.
	attentionAhead = 1 << 15
)

// cuts says into how many parts the queries of a head are cut for the forward pass:
// one for each block of keys, so that a block ends where a part does.
func (w *attentionWork) cuts() int {
	if w.c == nil {
		return 1
	}
	return (w.T + attentionKeys - 1) / attentionKeys
}

// run runs the tasks, cut by shape alone, and gives w back.
func (w *attentionWork) run(task func(int), parts int) {
	all := w.B * w.Heads
	if w.T > 0 && w.Dim > 0 && all > 0 {
		w.heads, w.parts = 1, parts
		if parts == 1 {
			w.heads = max(1, min(attentionWorth/(w.T*w.T*w.Dim), all/128))
		}
		For((all+w.heads-1)/w.heads*parts, task)
	}
	w.o, w.q, w.k, w.v, w.do, w.dq, w.dk, w.dv, w.lse = View{}, View{}, View{}, View{}, View{}, View{}, View{}, View{}, nil
	attentionWorks.Put(w)
}

// head cuts head i, counting through all sequences, out of a view.
func (w *attentionWork) head(v View, i int) View {
	return v.At(i/w.Heads*w.T, i%w.Heads*w.Dim)
}

// panel is how many columns the widest tile has.
func (w *attentionWork) panel() int { return 2 * w.e.lanes }

// padded is Dim rounded up to whole vectors: the stride of packed rows.
func (w *attentionWork) padded() int { return roundUp(w.Dim, w.e.lanes) }

// roundUp is the first multiple of step from n on.
func roundUp(n, step int) int { return (n + step - 1) / step * step }

// vectors is how many vectors, one or two, hold the next n columns, and how many
// columns the last of them has.
func (w *attentionWork) vectors(n int) (vecs, last int) {
	if n > w.e.lanes {
		return 2, min(w.e.lanes, n-w.e.lanes)
	}
	return 1, n
}

// packRows copies n rows of a head side by side, filled up with zeros to whole
// vectors.
func (w *attentionWork) packRows(dst []float32, src View, n int) {
	for c := 0; c < w.Dim; c += w.panel() {
		vecs, last := w.vectors(w.Dim - c)
		w.e.copyRows[vecs-1](n, &src.Data[c], src.Stride, &dst[c], w.padded(), last)
	}
}

// packColumns turns n packed rows into columns: panels of rows, in which value d of
// every row of the panel stands side by side. Rows up to a whole vector become columns
// too, so they must exist.
func (w *attentionWork) packColumns(dst, rows []float32, n int) {
	lanes, dp, panel := w.e.lanes, w.padded(), w.panel()
	for j := 0; j < n; j += lanes {
		w.e.transpose(dp/lanes, &rows[j*dp], dp, &dst[j/panel*panel*dp+j%panel], panel)
	}
}

// scores multiplies a tile of rows by n packed columns.
func (w *attentionTask) scores(dst []float32, ld int, rows View, count int, columns []float32, n int) {
	dp, panel := w.padded(), w.panel()
	for j := 0; j < n; j += panel {
		vecs, _ := w.vectors(n - j)
		next, ns := w.ahead(w.Dim, &columns[j*dp])
		w.e.tiles[vecs-1][count-1](w.Dim, &rows.Data[0], rows.Stride, 1, &columns[j*dp], panel, &dst[j], ld, w.e.lanes, false, rowGroup(w.Dim, count), next, ns, 0, next, 0, 0)
	}
}

// combine multiplies weights, count rows of n, by n rows: dst = or += their
// sums. Element (i, p) of the weights is at a[i*rs+p*cs].
func (w *attentionTask) combine(dst View, count, n int, a []float32, rs, cs int, rows View, acc bool) {
	for c := 0; c < w.Dim; c += w.panel() {
		vecs, last := w.vectors(w.Dim - c)
		next, ns := w.ahead(n, &rows.Data[c])
		w.e.tiles[vecs-1][count-1](n, &a[0], rs, cs, &rows.Data[c], rows.Stride, &dst.Data[c], dst.Stride, last, acc, rowGroup(n, count), next, ns, 0, next, 0, 0)
	}
}

// attentionTask is one task on its way. While it computes a head, its tiles call for the
// memory of the next one: the rows of a head lie far apart, so the processor does not
// foresee them.
type attentionTask struct {
	*attentionWork
	next           [8]View // the matrices of the next head, to be read or written
	views          int     // how many there are
	view, col, row int     // what is called for next
}

// lookAhead has head i of the matrices called for from now on, unless they are too large.
func (w *attentionTask) lookAhead(i int, matrices ...View) {
	w.views, w.view, w.col, w.row = 0, 0, 0, 0
	if w.T*w.Dim > attentionAhead {
		return
	}
	w.views = len(matrices)
	for j, m := range matrices {
		w.next[j] = w.head(m, i)
	}
}

// ahead is what a tile of so many steps calls for, a cache line a step: a column of lines
// of a matrix, row by row; here when there is nothing.
func (w *attentionTask) ahead(steps int, here *float32) (next *float32, stride int) {
	if w.view >= w.views {
		return here, 0
	}
	v := w.next[w.view]
	next = &v.Data[w.row*v.Stride+w.col]
	if w.row += steps; w.row >= w.T {
		w.row = 0
		if w.col += line; w.col >= w.Dim {
			w.col, w.view = 0, w.view+1
		}
	}
	return next, v.Stride
}

// carve takes the next n values of a buffer.
func carve(buf *[]float32, n int) []float32 {
	part := (*buf)[:n:n]
	*buf = (*buf)[n:]
	return part
}
