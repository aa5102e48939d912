package kernels

import "fmt"

// ConvKind says where the taps of a short convolution come from.
type ConvKind uint8

// The kinds of convolution.
const (
	ConvStatic   ConvKind = iota // the static taps alone
	ConvHeadwise                 // one set of W taps a token for each group of HeadSize channels
	ConvLowRank                  // W*D taps a token, from Rank numbers a token and a shared matrix U
)

// Conv is a causal short convolution over B sequences of T positions and D
// channels, whose taps may differ from token to token (arXiv 2606.03825;
// testdata/golden/README.md):
//
//	y[b,t,d] = sum_{k<W} (dyn[b,t,k,d] + s[k,d]) * x[b,t-k,d]  (+ x[b,t,d] if Residual)
//
// with x = 0 for t < 0 and, reading row b' = (b+Shift) mod B of gen,
//
//	head-wise: dyn[b,t,k,d] = gen[b',t,(d/HeadSize)*W+k]
//	low-rank:  dyn[b,t,k,d] = sum_r gen[b',t,r] * u[r,k*D+d]
//
// Shift other than 0 is the control with shuffled conditioning. Static says whether
// there are static taps s beside dynamic ones.
type Conv struct {
	B, T, D, W int
	Kind       ConvKind
	Residual   bool
	Static     bool
	HeadSize   int
	Rank       int
	Shift      int
}

// Forward computes y [B*T,D]. gen is [B*T,GenCols], u [Rank,W*D], s [W,D]; what the
// kind does not use may be empty. y must not overlap x or gen.
func (c Conv) Forward(y, x, gen View, u, s []float32) {
	c.check(u, s, y, x)
	gen.mustHold("Conv: gen", c.B*c.T, c.GenCols())
	code := convCodeFor(c)
	if code == nil {
		c.plainForward(y, x, gen, u, s)
		return
	}
	p := newConvPass(c, code, code.loops(c.Kind, c.W).forward)
	p.out, p.x, p.gen, p.u, p.s = y, x, gen, u, s
	p.run()
	p.release()
}

// Backward computes the gradients of sum(y*dy): dx and dgen are overwritten; du
// [Rank,W*D] and ds [W,D] are overwritten or, when acc is true, added to. No output
// may overlap an input.
func (c Conv) Backward(dx, dgen View, du, ds []float32, dy, x, gen View, u, s []float32, acc bool) {
	c.check(u, s, dx, dy, x)
	c.check(du, ds)
	gen.mustHold("Conv: gen", c.B*c.T, c.GenCols())
	dgen.mustHold("Conv: dgen", c.B*c.T, c.GenCols())
	du, ds = du[:c.factorSize()], ds[:c.staticSize()]

	code := convCodeFor(c)
	if code == nil {
		c.plainBackward(dx, dgen, du, ds, dy, x, gen, u, s, acc)
		return
	}
	p := newConvPass(c, code, code.loops(c.Kind, c.W).backward)
	p.out, p.dgen, p.du, p.ds, p.acc = dx, dgen, du, ds, acc
	p.dy, p.x, p.gen, p.u, p.s = dy, x, gen, u, s
	p.backward = true
	p.run()
	p.release()
}

// GenCols is the width of a row of gen.
func (c Conv) GenCols() int {
	switch c.Kind {
	case ConvHeadwise:
		return c.D / c.HeadSize * c.W
	case ConvLowRank:
		return c.Rank
	default:
		return 0
	}
}

// genRow is the row of gen that makes the taps of position t of sequence b.
func (c Conv) genRow(b, t int) int { return (b+c.Shift)%c.B*c.T + t }

func (c Conv) hasStatic() bool { return c.Static || c.Kind == ConvStatic }

func (c Conv) factorSize() int {
	if c.Kind == ConvLowRank {
		return c.Rank * c.W * c.D
	}
	return 0
}

func (c Conv) staticSize() int {
	if c.hasStatic() {
		return c.W * c.D
	}
	return 0
}

// check panics when an operand does not fit the shape.
func (c Conv) check(u, s []float32, views ...View) {
	for _, v := range views {
		v.mustHold("Conv", c.B*c.T, c.D)
	}
	if len(u) < c.factorSize() || len(s) < c.staticSize() {
		panic(fmt.Sprintf("kernels: Conv: u and s have %d and %d values, want %d and %d", len(u), len(s), c.factorSize(), c.staticSize()))
	}
	if c.Kind == ConvHeadwise && (c.HeadSize <= 0 || c.D%c.HeadSize != 0) {
		panic(fmt.Sprintf("kernels: Conv: head size %d does not divide %d channels", c.HeadSize, c.D))
	}
}
