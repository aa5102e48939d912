package kernels

import (
	"math"
	"sync"
)

// blockRows is how many rows have logits at once at most: 32 MiB of them. But each block reads the
// embedding twice and adds to its gradient, so there are never fewer than 128, or 256
// where rows are long. A gradient in bfloat16 is rounded once a block, so that blocks are
// larger there, at the price of the float32 gradient that need not exist.
func (l LinearCrossEntropy) blockRows(narrow bool) int {
	least := min(max(128, l.Dim/2), 256)
	if narrow {
		least = 1024
	}
	return max(8<<20/l.Vocab, least)
}

// block is how many of the labelled rows make a block, all being about as large.
func (l LinearCrossEntropy) block(labelled int, narrow bool) int {
	most := l.blockRows(narrow)
	blocks := max(1, (labelled+most-1)/most)
	return (labelled + blocks - 1) / blocks
}

// blockFloats is the work space of a block of rows: of each, the logits, its copy of x and a
// factor.
func (l LinearCrossEntropy) blockFloats(rows int) int {
	return rows * (l.logitStride() + Stride(l.Dim) + 1)
}

// logitStride is the distance between rows of logits: whole cache lines, and such that the
// rows do not share places of the cache.
func (l LinearCrossEntropy) logitStride() int { return Stride(RoundToLine(l.Vocab)) }

// narrowRows is how many rows of a bfloat16 gradient are made in float32 at a time:
// 32 MiB.
func (l LinearCrossEntropy) narrowRows() int { return min(l.Vocab, max(1, 8<<20/l.Dim)) }

// tableGrad is where the gradient of the embedding is left: in wide or narrow, or
// nowhere. It is added to what is there when add is set.
type tableGrad struct {
	wide   []float32
	narrow []uint16
	seed   uint64 // of the draws of stochastic rounding
	add    bool
	blocks uint64 // of rows so far
}

func (t *tableGrad) wanted() bool { return t.wide != nil || t.narrow != nil }

func (t *tableGrad) clear() {
	if !t.add {
		clear(t.wide)
		clear(t.narrow)
	}
}

// addProduct adds that of n rows of logits and of x: logitsᵀ·x.
func (t *tableGrad) addProduct(l LinearCrossEntropy, n int, logits, x View) {
	if t.narrow == nil {
		Gemm(TN, l.Vocab, l.Dim, n, logits, x, Dense(t.wide, l.Dim), t.add)
		t.add = true
		return
	}
	step := l.narrowRows()
	buf := scratch(step * l.Dim)
	defer buf.release()
	d := drawsOf(t.seed + t.blocks<<32)
	for v := 0; v < l.Vocab; v += step {
		rows := min(step, l.Vocab-v)
		Gemm(TN, rows, l.Dim, n, logits.At(0, v), x, Dense(buf.f, l.Dim), false)
		storeAllBF16(t.narrow[v*l.Dim:(v+rows)*l.Dim], buf.f, t.add, d, v*l.Dim)
	}
	t.add = true
	t.blocks++
}

// lossWork is one call of LinearCrossEntropy on its way. It is kept, tasks included,
// so that calls make no garbage.
type lossWork struct {
	LinearCrossEntropy
	losses  []float32
	pred    []int32
	targets []int32
	scale   float32
	grad    bool
	x, dx   View

	rows    []int32   // the labelled rows of this block
	packed  View      // their x, then their dx, side by side
	logits  View      // then their exponentials, then the gradient
	factors []float32 // of each row: what its exponentials lack to be the gradient

	gather, softmax, scatter func(r0, r1 int)
	step                     int
	body                     func(r0, r1 int)
	task                     func(int)
}

var lossWorks = sync.Pool{New: func() any {
	w := new(lossWork)
	w.gather, w.softmax, w.scatter = w.gatherRows, w.softmaxRows, w.scatterRows
	w.task = func(i int) { w.body(i*w.step, min(len(w.rows), (i+1)*w.step)) }
	return w
}}

// each runs body on the rows of the block, which have cols values each.
func (w *lossWork) each(cols int, body func(r0, r1 int)) {
	w.step, w.body = max(1, taskElements/cols), body
	For((len(w.rows)+w.step-1)/w.step, w.task)
}

// run works through the labelled rows in blocks; without a place for de no gradient is
// computed.
func (l LinearCrossEntropy) run(losses []float32, pred []int32, dx View, de tableGrad, x View, e []float32, targets []int32, scale float32) (sum float64, labelled int) {
	x.mustHold("LinearCrossEntropy: x", l.Rows, l.Dim)
	losses, pred, targets, e = losses[:l.Rows], pred[:l.Rows], targets[:l.Rows], e[:l.Vocab*l.Dim]
	list := scratch(l.Rows)
	defer list.release()
	rows := list.int32s()[:0]
	for i, t := range targets {
		switch {
		case t != IgnoreTarget:
			rows = append(rows, int32(i))
			continue
		case de.wanted():
			clear(dx.Row(i, l.Dim))
		}
		losses[i], pred[i] = 0, -1
	}
	labelled = len(rows)
	if labelled == 0 {
		de.clear()
		return 0, 0
	}
	block := l.block(labelled, de.narrow != nil)
	stride := l.logitStride()
	dim := Stride(l.Dim)
	work := scratch(l.blockFloats(block))
	defer work.release()

	w := lossWorks.Get().(*lossWork)
	defer lossWorks.Put(w)
	w.LinearCrossEntropy, w.losses, w.pred, w.targets, w.scale, w.grad, w.x, w.dx = l, losses, pred, targets, scale, de.wanted(), x, dx
	w.logits, w.packed = View{Data: work.f[:(block-1)*stride+l.Vocab], Stride: stride}, View{Data: work.f[block*stride:][:block*dim], Stride: dim}
	w.factors = work.f[block*(stride+dim):]
	embedding := Dense(e, l.Dim)
	for len(rows) > 0 {
		n := min(block, len(rows))
		w.rows, rows = rows[:n], rows[n:]
		w.each(l.Dim, w.gather)
		Gemm(NT, n, l.Vocab, l.Dim, w.packed, embedding, w.logits, false)
		w.each(l.Vocab, w.softmax)
		if !de.wanted() {
			continue
		}
		de.addProduct(l, n, w.logits, w.packed)
		Gemm(NN, n, l.Dim, l.Vocab, w.logits, embedding, w.packed, false)
		w.each(l.Dim, w.scatter)
	}
	for _, loss := range losses {
		sum += float64(loss)
	}
	w.losses, w.pred, w.targets, w.x, w.dx, w.rows = nil, nil, nil, View{}, View{}, nil
	w.logits, w.packed, w.factors = View{}, View{}, nil
	return sum, labelled
}

// gatherRows copies labelled rows of x side by side.
func (w *lossWork) gatherRows(r0, r1 int) {
	for r := r0; r < r1; r++ {
		copy(w.packed.Row(r, w.Dim), w.x.Row(int(w.rows[r]), w.Dim))
	}
}

// softmaxRows turns logits into losses and, when the gradient is asked for, into
// that of the loss times the sum of the exponentials. The sum divides the rows of x
// and of dx instead of the many logits.
func (w *lossWork) softmaxRows(r0, r1 int) {
	for r := r0; r < r1; r++ {
		i := w.rows[r]
		var sum float64
		w.losses[i], w.pred[i], sum = softmaxRow(w.logits.Row(r, w.Vocab), int(w.targets[i]), w.logits.Stride)
		if w.grad {
			w.factors[r] = float32(float64(w.scale) / sum)
			x := w.packed.Row(r, w.Dim)
			scaleRow(x, x, w.factors[r])
		}
	}
}

// scatterRows finishes the rows of dx and puts them where they belong.
func (w *lossWork) scatterRows(r0, r1 int) {
	for r := r0; r < r1; r++ {
		scaleRow(w.dx.Row(int(w.rows[r]), w.Dim), w.packed.Row(r, w.Dim), w.factors[r])
	}
}

// softmaxRow returns the loss and the prediction of a row of logits and turns it into
// sum*(softmax - onehot), where sum is that of the exponentials. It works on pieces
// that stay in the nearest cache, and that are short enough for float32 sums. Next is how
// many values further on the next row is.
func softmaxRow(p []float32, target, next int) (loss float32, pred int32, sum float64) {
	const piece = 1024
	top, first := float32(math.Inf(-1)), 0
	for at := 0; at < len(p); at += piece {
		if m := maxRow(p[at:min(at+piece, len(p))]); m > top {
			top, first = m, at
		}
	}
	for j, x := range p[first:] {
		if x == top {
			pred = int32(first + j)
			break
		}
	}
	right := p[target]
	for at := 0; at < len(p); at += piece {
		now := p[at:min(at+piece, len(p))]
		sum += float64(expSum(now, now, top, next))
	}
	p[target] = float32(float64(p[target]) - sum)
	return float32(math.Log(sum) + float64(top) - float64(right)), pred, sum
}
