package kernels

import (
	"fmt"
	"math"
)

// IgnoreTarget marks a position without a label.
const IgnoreTarget = -100

// LinearCrossEntropy is the output layer and its loss in one: logits = x·eᵀ for
// the labelled rows of x [Rows,Dim] and the embedding e [Vocab,Dim], and the loss
// of a row is -log softmax(logits)[target]. Rows with the target -100 are skipped:
// labelled rows are gathered, and their logits live in one block of rows at a time.
type LinearCrossEntropy struct {
	Rows, Dim, Vocab int
}

// logitsBudget is how many logits are alive at once (16 MiB).
const logitsBudget = 4 << 20

// Forward writes the loss of each row (0 where ignored) and the token of the
// greatest logit (-1 where ignored; the lowest one among equals), and returns the
// sum of the losses and the number of labelled rows. A logit that is not finite
// makes the loss not finite.
func (l LinearCrossEntropy) Forward(losses []float32, pred []int32, x View, e []float32, targets []int32) (sum float64, labelled int) {
	return l.run(losses, pred, View{}, nil, x, e, targets, 0, false)
}

// ForwardBackward does what Forward does, and in the same pass computes the
// gradients of scale times the sum of the losses: dx (0 where ignored) is
// overwritten, de [Vocab,Dim] overwritten or, when acc is true, added to. dx may
// not overlap x.
func (l LinearCrossEntropy) ForwardBackward(losses []float32, pred []int32, dx View, de []float32, x View, e []float32, targets []int32, scale float32, acc bool) (sum float64, labelled int) {
	dx.mustHold("LinearCrossEntropy: dx", l.Rows, l.Dim)
	if len(de) < l.Vocab*l.Dim {
		panic(fmt.Sprintf("kernels: LinearCrossEntropy: de has %d values, want %d", len(de), l.Vocab*l.Dim))
	}
	return l.run(losses, pred, dx, de[:l.Vocab*l.Dim], x, e, targets, scale, acc)
}

// run works through the labelled rows in blocks; de is nil when no gradient is
// asked for.
func (l LinearCrossEntropy) run(losses []float32, pred []int32, dx View, de []float32, x View, e []float32, targets []int32, scale float32, acc bool) (sum float64, labelled int) {
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
		case de != nil:
			clear(dx.Row(i, l.Dim))
		}
		losses[i], pred[i] = 0, -1
	}
	labelled = len(rows)
	if de != nil && !acc && labelled == 0 {
		clear(de)
	}
	block := max(1, min(labelled, logitsBudget/l.Vocab))
	logits := scratch(block * l.Vocab)
	defer logits.release()
	some := scratch(block * l.Dim)
	defer some.release()
	p, packed, embedding := Dense(logits.f, l.Vocab), Dense(some.f, l.Dim), Dense(e, l.Dim)
	for len(rows) > 0 {
		n := min(block, len(rows))
		now := rows[:n]
		rows = rows[n:]
		forRows(n, l.Dim, func(r0, r1 int) {
			for r := r0; r < r1; r++ {
				copy(packed.Row(r, l.Dim), x.Row(int(now[r]), l.Dim))
			}
		})
		Gemm(NT, n, l.Vocab, l.Dim, packed, embedding, p, false)
		forRows(n, l.Vocab, func(r0, r1 int) {
			for r := r0; r < r1; r++ {
				i := now[r]
				losses[i], pred[i] = softmaxRow(p.Row(r, l.Vocab), int(targets[i]), scale, de != nil)
			}
		})
		if de == nil {
			continue
		}
		Gemm(TN, l.Vocab, l.Dim, n, p, packed, Dense(de, l.Dim), acc)
		acc = true
		Gemm(NN, n, l.Dim, l.Vocab, p, embedding, packed, false)
		forRows(n, l.Dim, func(r0, r1 int) {
			for r := r0; r < r1; r++ {
				copy(dx.Row(int(now[r]), l.Dim), packed.Row(r, l.Dim))
			}
		})
	}
	for _, loss := range losses {
		sum += float64(loss)
	}
	return sum, labelled
}

// softmaxRow returns the loss and the prediction of a row of logits; with grad it
// turns the row into the gradient scale*(softmax - onehot).
func softmaxRow(p []float32, target int, scale float32, grad bool) (loss float32, pred int32) {
	top, arg := p[0], 0
	for j, x := range p {
		if x > top {
			top, arg = x, j
		}
	}
	right := p[target]
	var sum float64
	for j, x := range p {
		v := exp32(x - top)
		sum += float64(v)
		if grad {
			p[j] = v
		}
	}
	if grad {
		f := float32(float64(scale) / sum)
		for j := range p {
			p[j] *= f
		}
		p[target] -= scale
	}
	return float32(math.Log(sum) + float64(top) - float64(right)), int32(arg)
}
