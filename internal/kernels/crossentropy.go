package kernels

import "fmt"

// IgnoreTarget marks a position without a label.
const IgnoreTarget = -100

// LinearCrossEntropy is the output layer and its loss in one: logits = x·eᵀ for
// the labelled rows of x [Rows,Dim] and the embedding e [Vocab,Dim], and the loss
// of a row is -log softmax(logits)[target]. Rows with the target -100 are skipped:
// labelled rows are gathered, and their logits live in one block of rows at a time.
type LinearCrossEntropy struct {
	Rows, Dim, Vocab int
}

// Forward writes the loss of each row (0 where ignored) and the token of the
// greatest logit (-1 where ignored; the lowest one among equals), and returns the
// sum of the losses and the number of labelled rows. A logit that is NaN or +Inf
// makes the loss not finite.
func (l LinearCrossEntropy) Forward(losses []float32, pred []int32, x View, e []float32, targets []int32) (sum float64, labelled int) {
	return l.run(losses, pred, View{}, tableGrad{}, x, e, targets, 0)
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
	return l.run(losses, pred, dx, tableGrad{wide: de[:l.Vocab*l.Dim], add: acc}, x, e, targets, scale)
}

// ForwardBackwardBF16 is ForwardBackward with de in bfloat16, rounded stochastically
// with the draws of seed: once for up to 1,024 labelled rows, or more where the
// vocabulary is small. In float32 only some rows of de exist at a time.
func (l LinearCrossEntropy) ForwardBackwardBF16(losses []float32, pred []int32, dx View, de []uint16, x View, e []float32, targets []int32, scale float32, acc bool, seed uint64) (sum float64, labelled int) {
	dx.mustHold("LinearCrossEntropy: dx", l.Rows, l.Dim)
	if len(de) < l.Vocab*l.Dim {
		panic(fmt.Sprintf("kernels: LinearCrossEntropy: de has %d values, want %d", len(de), l.Vocab*l.Dim))
	}
	return l.run(losses, pred, dx, tableGrad{narrow: de[:l.Vocab*l.Dim], seed: seed, add: acc}, x, e, targets, scale)
}

// WorkFloats is how much work space a call with so many labelled rows takes, with de
// in bfloat16 or not.
func (l LinearCrossEntropy) WorkFloats(labelled int, narrow bool) int {
	n := l.blockFloats(l.block(labelled, narrow))
	if narrow {
		n += l.narrowRows() * l.Dim
	}
	return n
}
