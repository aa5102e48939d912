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
	decoder := 0.0
	if s.Head == "autoencoder" {
		decoder = 2 * 3 * float64(s.Dim) * float64(s.MLPDim) * float64(t)
	}
	return float64(s.Layers)*layer + decoder + 2*float64(s.Dim)*float64(s.Vocab)*float64(labelled)
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
