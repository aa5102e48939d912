package graph

import "dsconv/internal/kernels"

// Loss is what the output head leaves behind after a run.
type Loss struct {
	PerToken []float32 // nats; 0 where a position has no label
	Argmax   []int32   // the likeliest token; -1 where a position has no label
	Sum      float64   // over labelled positions
	Labelled int
}

// CrossEntropy is the output head and its loss: the mean over labelled
// positions of -log softmax(x·tableᵀ)[target]. Logits exist only for labelled
// rows and only a block at a time, so the gradients of x and of the table are
// computed in the same pass, when train is set. A tied table is not an input of
// the differentiated graph: its gradient waits for Embedding to add its own.
func (g *Graph) CrossEntropy(x, table *Tensor, targets *Index, tied, train bool) (*Tensor, *Loss) {
	k := kernels.LinearCrossEntropy{Rows: x.Rows, Dim: x.Cols, Vocab: table.Rows}
	result := &Loss{PerToken: make([]float32, x.Rows), Argmax: make([]int32, x.Rows)}
	dx := scratch("head'", x.Rows*x.stride)
	to := g.direct(table)
	s := spec{name: "cross-entropy", in: []*Tensor{x, table}, index: []*Index{targets}}
	if train {
		s.writes = []*buffer{dx}
		s.run = func() {
			dxv := kernels.View{Data: dx.data, Stride: x.stride}
			if to.narrow() {
				result.Sum, result.Labelled = k.ForwardBackwardBF16(result.PerToken, result.Argmax, dxv, table.grad.BF16,
					x.view(0), table.Data(), targets.Data, g.lossScale, g.accumulate, to.draws())
				return
			}
			result.Sum, result.Labelled = k.ForwardBackward(result.PerToken, result.Argmax, dxv, table.grad.F32,
				x.view(0), table.Data(), targets.Data, g.lossScale, g.accumulate)
		}
	} else {
		s.run = func() {
			result.Sum, result.Labelled = k.Forward(result.PerToken, result.Argmax, x.view(0), table.Data(), targets.Data)
		}
	}
	var loss *Tensor
	s.diff = func(*Tensor) []*Tensor {
		return []*Tensor{g.handOut(loss, x.Rows, x.Cols, dx)}
	}
	loss = g.add(s)
	return loss, result
}

// Logits is x·tableᵀ for every position: [rows, vocabulary]. It is for looking
// at a model, not for training one.
func (g *Graph) Logits(x, table *Tensor) []float32 {
	out := make([]float32, x.Rows*table.Rows)
	g.add(spec{name: "logits", rows: x.Rows, cols: table.Rows, in: []*Tensor{x, table}, out: &buffer{name: "logits", size: len(out), data: out, fixed: true},
		run: func() {
			kernels.Gemm(kernels.NT, x.Rows, table.Rows, x.Cols, x.view(0), table.view(0), kernels.Dense(out, table.Rows), false)
		}})
	return out
}
