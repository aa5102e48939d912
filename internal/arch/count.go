package arch

// Counts are what a configuration costs, computed without building the model.
type Counts struct {
	Total     int64 // parameters
	Embedding int64 // token and position embeddings, and an untied head
	Conv      int64 // of the short convolutions
}

// Count counts parameters.
func (s Spec) Count() Counts {
	var c Counts
	s.Each(func(p ParamSpec) {
		n := int64(p.Size())
		c.Total += n
		switch {
		case p.Kind == Embedding:
			c.Embedding += n
		case p.Conv():
			c.Conv += n
		}
	})
	return c
}

// ForwardFLOPs counts the floating-point operations of a forward pass over one
// sequence of t tokens of which labelled carry a label, a multiply-add being two.
// It counts matrix products (causal attention at its exact half), filters and
// their generators, and leaves out what is not a product: norms, softmax,
// activations, the embedding's look-up.
func (s Spec) ForwardFLOPs(t, labelled int) float64 {
	perToken := 0.0
	for _, m := range s.modules() {
		perToken += 2 * float64(m.in) * float64(m.out)
		if s.convolved(m) {
			perToken += s.convFLOPs(m)
		}
	}
	// Position i attends to i+1 positions: q·k and p·v are 2·D each.
	attention := 4 * float64(s.Dim) * float64(t) * float64(t+1) / 2
	layer := perToken*float64(t) + attention
	return float64(s.Layers)*layer + 2*float64(s.Dim)*float64(s.Vocab)*float64(labelled)
}

// convFLOPs counts one token's pass through the convolution after m.
func (s Spec) convFLOPs(m module) float64 {
	c := s.Conv
	w, out, in := float64(c.Width), float64(m.out), float64(m.in)
	n := 2 * w * out
	if c.Kind != "dynamic" || c.Condition == "constant" {
		return n
	}
	if c.Filter == "headwise" {
		return n + 2*in*out/float64(c.HeadSize)*w
	}
	return n + 2*in*float64(c.Rank) + 2*float64(c.Rank)*w*out
}

// TrainFLOPsPerToken is the cost of a training token: the forward pass, and
// twice as much for the gradients of activations and weights.
func (s Spec) TrainFLOPsPerToken(labelled int) float64 {
	return 3 * s.ForwardFLOPs(s.SeqLen, labelled) / float64(s.SeqLen)
}

// MemoryBytes estimates the peak memory of training with micro-batches of b
// sequences: weights, gradients and two optimizer moments in float32, and the
// arena of the step at the moment when it is fullest, the end of the forward
// pass, when every layer's saved activations are alive.
func (s Spec) MemoryBytes(b, labelled int) int64 {
	rows := int64(b) * int64(s.SeqLen)
	d, f := int64(s.Dim), int64(s.MLPDim)

	// What a layer keeps for its backward pass, in floats per token.
	keep := 2*d + d + 3*d + int64(s.Heads) // residual streams into both norms, normed input, q|k|v, log-sum-exp
	keep += d                              // attention output
	if f > 0 {
		keep += d + 2*f + f // normed input, gate|up, product
	} else {
		keep -= d
	}
	if s.QKNorm {
		keep += 3*d + 2*int64(s.Heads)
	}
	convAttn, convMLP := false, false
	for _, m := range s.modules() {
		if !s.convolved(m) {
			continue
		}
		switch m.place {
		case "q", "k", "v":
			convAttn = true
		case "gate", "up":
			convMLP = true
		default:
			keep += int64(m.out) // its input, beside the output that joins the residual stream
		}
		keep += s.generatorCols(m)
	}
	if convAttn {
		keep += 3 * d
	}
	if convMLP {
		keep += 2 * f
	}
	floats := int64(s.Layers)*rows*keep + 4*rows*d + 4*s.paddedWeights()
	head := min(int64(labelled)*int64(b), headRows(s.Vocab)) * int64(s.Vocab)
	return 4*(floats+head) + runtimeBytes
}

// generatorCols is the width of what the filter generator of m writes per token.
func (s Spec) generatorCols(m module) int64 {
	switch {
	case s.Conv.Kind != "dynamic" || s.Conv.Condition == "constant":
		return 0
	case s.Conv.Filter == "headwise":
		return int64(m.out / s.Conv.HeadSize * s.Conv.Width)
	}
	return int64(s.Conv.Rank)
}

// runtimeBytes is what the program takes besides: code, Go runtime, packing buffers.
const runtimeBytes = 48 << 20

// headRows is how many rows of logits the output head holds at a time.
func headRows(vocab int) int64 { return max(1, (32<<20)/4/int64(vocab)) }

func (s Spec) paddedWeights() int64 {
	n := int64(0)
	s.Each(func(p ParamSpec) { n += int64((p.Size() + lineFloats - 1) / lineFloats * lineFloats) })
	return n
}
