package arch

import "dsconv/internal/kernels"

// Part is a share of a run's memory.
type Part struct {
	Name  string
	Bytes int64
}

// MemoryBytes estimates the peak memory of training with micro-batches of b
// sequences with at most labelled labels each: the sum of MemoryParts.
func (s Spec) MemoryBytes(b, labelled int) int64 {
	total := int64(0)
	for _, p := range s.MemoryParts(b, labelled) {
		total += p.Bytes
	}
	return total
}

// MemoryParts says where the memory goes, without building the model.
func (s Spec) MemoryParts(b, labelled int) []Part {
	weights, narrow := int64(0), int64(0)
	s.Each(func(p ParamSpec) {
		n := int64(kernels.RoundToLine(p.Size()))
		weights += n
		if p.Cols > 0 {
			narrow += n
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
		// Gradients are made in float32 before they are stored.
		parts = append(parts, Part{"largest gradients in float32", 4 * s.largestSinks()})
	}
	head := kernels.LinearCrossEntropy{Rows: b * s.SeqLen, Dim: s.Dim, Vocab: s.Vocab}
	logits := head.WorkFloats(min(labelled*b, head.Rows), s.Memory.Grads == "bf16")
	return append(parts, Part{"logits", 4 * int64(logits)}, Part{"program and work space", runtimeBytes})
}

// largestSinks is the size in floats of the gradients that one operator makes, where
// it makes most: those of the linear layers that share an input, with the generators
// beside them, or those of the convolutions behind them. The embedding's gradient is
// rounded in pieces, which count as logits.
func (s Spec) largestSinks() int64 {
	project, conv := map[string]int64{}, map[string]int64{}
	for _, m := range s.modules() {
		group := m.group()
		project[group] += int64(m.in) * int64(m.out)
		if !s.convolved(m) {
			continue
		}
		for _, p := range s.convParams("", m) {
			if p.Name == "U" || p.Name == "s" {
				conv[group] += int64(p.Size())
			} else {
				project[group] += int64(p.Size())
			}
		}
	}
	largest := int64(0)
	for _, sums := range []map[string]int64{project, conv} {
		for _, n := range sums {
			largest = max(largest, n)
		}
	}
	return largest
}

// activations is the size in floats of a step's arena for rows tokens at its
// fullest moment: in the output head, or in the backward pass of the last
// layer. It follows forward.go operator by operator.
func (s Spec) activations(rows int64) int64 {
	width := func(cols int) int64 { return int64(kernels.Stride(cols)) }
	d, qkv, f, gateUp, layers := width(s.Dim), width(3*s.Dim), width(s.MLPDim), width(2*s.MLPDim), int64(s.Layers)
	// What the convolutions after a joint projection keep: their input, beside
	// their output, and the generators' output.
	conv, cols := map[string]int64{}, map[string]int{}
	for _, m := range s.modules() {
		cols[m.group()] += m.out
	}
	for _, m := range s.modules() {
		if s.convolved(m) {
			if s.Conv.Condition != "constant" {
				cols[m.group()] += s.kernel(m.out).GenCols()
			}
			conv[m.group()] = width(cols[m.group()])
		}
	}
	// What the halves of a layer keep for the backward pass besides its input:
	// normed input and its factor, q|k|v, attention's output and log-sum-exp;
	// the stream between the halves, normed input and its factor, gate|up, product.
	attn := d + 1 + qkv + d + int64(s.Heads) + conv["qkv"] + conv["o"]
	mlp := int64(0)
	if f > 0 {
		attn += d
		mlp = d + 1 + gateUp + f + conv["gate,up"] + conv["down"]
	}
	if s.QKNorm {
		attn += qkv + 2*int64(s.Heads)
	}
	kept := layers * (d + attn + mlp)
	before := kept // the head
	if s.Memory.Recompute == "block" {
		keep := int64(s.Memory.Keep)
		kept, before = layers*d+max(1, keep)*(attn+mlp), layers*d+keep*(attn+mlp)
	}
	decoder := int64(0)
	if s.Head == "autoencoder" {
		decoder = d + d + gateUp + f + d + d // spread, normed, gate|up and product, stream, normed
	}
	return rows * max(
		kept,
		before+decoder+3*d,          // the head: residual stream, normed, gradient
		kept+d+max(f, conv["down"]), // gradients of the stream, and of the product
		kept+d-f-conv["down"]+conv["gate,up"], // and of gate|up before their convolution
		kept-mlp+d+d+qkv,                      // and of attention's output and q|k|v
		kept-mlp+conv["qkv"],                  // and of q|k|v before their convolution
	)
}

// runtimeBytes is what the program takes besides: code, Go runtime, packing buffers.
const runtimeBytes = 48 << 20
