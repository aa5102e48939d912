package arch

// Part is a share of a run's memory.
type Part struct {
	Name  string
	Bytes int64
}

// MemoryBytes estimates the peak memory of training with micro-batches of b
// sequences with at most labelled labels each: the sum of Memory.
func (s Spec) MemoryBytes(b, labelled int) int64 {
	total := int64(0)
	for _, p := range s.MemoryParts(b, labelled) {
		total += p.Bytes
	}
	return total
}

// MemoryParts says where the memory goes, without building the model.
func (s Spec) MemoryParts(b, labelled int) []Part {
	weights, narrow, largest := int64(0), int64(0), int64(0)
	s.Each(func(p ParamSpec) {
		n := int64((p.Size() + lineFloats - 1) / lineFloats * lineFloats)
		weights += n
		if p.Cols > 0 {
			narrow += n
			largest = max(largest, n)
		}
	})
	stored := func(format string) int64 {
		if format == "bf16" {
			return 4*weights - 2*narrow
		}
		return 4 * weights
	}
	parts := []Part{
		{"weights", 4 * weights},
		{"gradients", stored(s.Memory.Grads)},
		{"optimizer moments", 2 * stored(s.Memory.Moments)},
		{"activations", 4 * s.activations(int64(b)*int64(s.SeqLen))},
	}
	if s.Memory.Grads == "bf16" {
		// A gradient is made in float32 before it is stored.
		parts = append(parts, Part{"largest gradient in float32", 4 * largest})
	}
	logits := min(int64(labelled)*int64(b), headRows(s.Vocab)) * int64(s.Vocab)
	return append(parts, Part{"logits", 4 * logits}, Part{"program and work space", runtimeBytes})
}

// activations is the size in floats of a step's arena for rows tokens at its
// fullest moment: in the output head, or in the backward pass of the last
// layer. It follows forward.go operator by operator.
func (s Spec) activations(rows int64) int64 {
	d, f, layers := int64(s.Dim), int64(s.MLPDim), int64(s.Layers)
	// What the convolutions after a joint projection keep: their input, beside
	// their output, and the generators' output.
	conv := map[string]int64{}
	for _, m := range s.modules() {
		if !s.convolved(m) {
			continue
		}
		group, out := m.place, int64(m.out)
		switch m.place {
		case "q", "k", "v":
			group, out = "qkv", 3*d
		case "gate", "up":
			group, out = "gate,up", 2*f
		}
		if conv[group] == 0 {
			conv[group] = out
		}
		conv[group] += s.generatorCols(m)
	}
	// What the halves of a layer keep for the backward pass besides its input:
	// normed input and its factor, q|k|v, attention's output and log-sum-exp;
	// the stream between the halves, normed input and its factor, gate|up, product.
	attn := d + 1 + 3*d + d + int64(s.Heads) + conv["qkv"] + conv["o"]
	mlp := int64(0)
	if f > 0 {
		attn += d
		mlp = d + 1 + 2*f + f + conv["gate,up"] + conv["down"]
	}
	if s.QKNorm {
		attn += 3*d + 2*int64(s.Heads)
	}
	kept := layers * (d + attn + mlp)
	before := kept // the head
	if s.Memory.Recompute == "block" {
		kept, before = layers*d+attn+mlp, layers*d
	}
	decoder := int64(0)
	if s.Head == "autoencoder" {
		decoder = d + d + 3*f + d + d // spread, normed, gate|up and product, stream, normed
	}
	return rows * max(
		kept,
		before+decoder+3*d,          // the head: residual stream, normed, gradient
		kept+d+max(f, conv["down"]), // gradients of the stream, and of the product
		kept+d-f-conv["down"]+conv["gate,up"], // and of gate|up before their convolution
		kept-mlp+d+d+3*d,                      // and of attention's output and q|k|v
		kept-mlp+d-d+conv["qkv"],              // and of q|k|v before their convolution
	)
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
func headRows(vocab int) int64 { return max(1, (16<<20)/4/int64(vocab)) }
