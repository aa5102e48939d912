package kernels

import "unsafe"

// convCode is the assembly of the short convolutions for one instruction set. The
// plain Go twin is conv_plain.go.
type convCode struct {
	lanes                     int
	static, headwise, lowRank []convLoops // by W-1
	copyRows                  copyFunc

	// laneSums writes n vectors, each of the sums over the lanes of as many vectors
	// of src; partialSums writes the first last lanes of n vectors, each the sum of
	// count vectors that lie ss bytes apart, added to dst when acc is set. ds is the
	// distance in bytes between the vectors written. All counts are positive.
	laneSums    func(n int, dst *float32, ds int, src *float32)
	partialSums func(n, count int, dst *float32, ds int, src *float32, ss, last int, acc bool)
}

type convLoops struct{ forward, backward convLoop }

// convLoop works on tiles of the given number of positions.
type convLoop struct {
	tile int
	run  func(*[21]uintptr) // a convRun
}

// convRun is what a convLoop is told: n tiles of neighbouring positions of one
// sequence. Strides are in bytes. The loops for low-rank filters work on one vector of
// channels, the others on groups of vecs vectors, one after another. Nothing is
// checked, and no lane is masked: the positions before a sequence and behind it, and
// the channels that fill up the last vector, must be there, as zeros.
//
// Factors lie by vectors of channels: for each, W vectors of static taps and, for
// low-rank filters, W for each row of U. Their gradients lie likewise and are added to.
type convRun struct {
	tiles   int
	x       *float32 // W-1 positions before the first of the tiles
	xStride int

	dy       *float32 // read up to W-1 positions behind the tiles; nil in a forward pass
	dyStride int

	out       *float32 // y or dx
	outStride int

	gen       *float32 // the backward pass reads W-1 positions more, as of dy
	genStride int

	// Head-wise: rows of dgen, which are overwritten. Low-rank: for each position
	// and each number of z a vector of sums, which is added to.
	dgen       *float32
	dgenStride int

	factors, dfactors *float32
	rank              int
	groups, vecs      int

	// Bytes from the first row in work to what is fetched meanwhile.
	xAhead, dyAhead, outAhead, genAhead int

	stream int // 1 when row-wise loops write out past the caches: see View.stream
}

// A convRun is as many words as the loops are declared with, or this does not compile.
var _ [unsafe.Sizeof(convRun{})]byte = [21 * unsafe.Sizeof(uintptr(0))]byte{}

// do runs the loop. The assembly knows the fields of a convRun by their order.
func (l convLoop) do(r *convRun) { l.run((*[21]uintptr)(unsafe.Pointer(r))) }

// convCodeFor gives the code for a convolution, or nil where the plain twin must do
// it: filters wider than any of the paper's, and heads that are no whole vectors.
func convCodeFor(c Conv) *convCode {
	code := convCodes[isa]
	if code == nil || c.W < 1 || c.W > len(code.static) || c.B*c.T*c.D == 0 {
		return nil
	}
	switch c.Kind {
	case ConvHeadwise:
		if c.HeadSize%code.lanes != 0 {
			code = convCodes[ISAAVX2]
		}
		if c.HeadSize%code.lanes != 0 {
			return nil
		}
	case ConvLowRank:
		if c.Rank < 1 {
			return nil
		}
	}
	return code
}

// loops gives the loops for a kind and width of filter.
func (c *convCode) loops(k ConvKind, w int) convLoops {
	switch k {
	case ConvHeadwise:
		return c.headwise[w-1]
	case ConvLowRank:
		return c.lowRank[w-1]
	default:
		return c.static[w-1]
	}
}
