package kernels

// rowCode is the assembly of the row-wise kernels for one instruction set. The
// plain Go twins stand with the kernels that call them. Counts are positive, and
// nothing is checked: kernels check their views. Where stream is 1, results go past the caches:
// see View.stream.
type rowCode struct {
	add  func(n int, dst, a, b *float32, stream int) // dst = a + b
	axpy func(n int, dst, a, b *float32, f float32)  // dst = a + f*b
	// addRows adds count rows of n values: for each position p, row p of src, rows being
	// ss bytes apart, to row tokens[p] of dst, ds bytes apart.
	addRows func(count, n int, dst *float32, ds int, src *float32, ss int, positions, tokens *int32)
	// copyRows copies rows of n values of a table, ts bytes apart, to rows of dst, ds bytes
	// apart: to row p the row tokens[p].
	copyRows func(count, n int, dst *float32, ds int, table *float32, ts int, tokens *int32, stream int)
	dot      func(n int, a, b *float32) float32

	// A norm works on whole rows of groups of dim values; skips are the bytes from
	// the end of a row to the start of the next; mean is 1/dim.
	normForward     func(rows, groups, dim int, y *float32, ySkip int, x *float32, xSkip int, w, rstd *float32, mean, eps float32, stream int)
	normBackward    func(rows, groups, dim int, dx *float32, dxSkip int, dy *float32, dySkip int, x *float32, xSkip int, w, rstd, part *float32, mean float32, stream int)
	normBackwardRes func(rows, groups, dim int, dx *float32, dxSkip int, dy *float32, dySkip int, x *float32, xSkip int, w, rstd, part *float32, mean float32, stream int, res *float32, resSkip int)

	// rope turns rows of heads, stride bytes apart, by the angles of consecutive
	// positions; sign is 1, or -1 to turn back.
	rope func(rows, heads, half int, x *float32, stride int, cos, sin *float32, sign float32)

	adamw func(n int, w, grad, m, v, factors *float32) // factors: adamwFactors
}

// rowsNow is the assembly for the instruction set in use, or nil.
func rowsNow() *rowCode { return rowCodes[isa] }

// skip is the number of bytes between the end of a row of cols values and the next.
func (v View) skip(cols int) int { return 4 * (v.Stride - cols) }
