package kernels

// bf16Code is the assembly of the kernels that store numbers in bfloat16, for one
// instruction set. Counts are positive multiples of lanes: what is left of a row is
// done by the plain Go twins, which give the same bits. Draws are those of the stream
// a, b from the place first on.
type bf16Code struct {
	lanes     int
	widen     func(n int, dst *float32, src *uint16)
	narrow    func(n int, dst *uint16, src *float32, first, a, b uint32) // dst = src
	narrowAdd func(n int, dst *uint16, src *float32, first, a, b uint32) // dst = dst + src
	squares   func(n int, x *uint16) float32                             // with the bits of rowCode.dot

	// AdamW with the bits of widening, rowCode.adamw and narrowing. factors: adamwFactors.
	adamwGrad    func(n int, w *float32, grad *uint16, m, v, factors *float32)
	adamwMoments func(n int, w, grad *float32, m, v *uint16, factors *float32, first, a, b uint32)
	adamw        func(n int, w *float32, grad, m, v *uint16, factors *float32, first, a, b uint32)
}

// bf16Now is the assembly for the instruction set in use, or nil.
func bf16Now() *bf16Code { return bf16Codes[isa] }

// whole is how many of n values fill vectors; none where there is no assembly.
func (c *bf16Code) whole(n int) int {
	if c == nil {
		return 0
	}
	return n &^ (c.lanes - 1)
}
