// Command conv writes the assembly of the short convolutions. See the go:generate
// line in conv_amd64.go.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"dsconv/internal/kernels/asm/simd"
)

// widest is the largest filter width W that there is code for.
const widest = 6

func main() {
	ConstraintExpr("amd64,!noasm")
	masks := simd.MaskTable("convMask")
	for _, s := range []simd.ISA{simd.AVX512, simd.AVX2} {
		for w := 1; w <= widest; w++ {
			for _, dynamic := range []bool{false, true} {
				windowForward(s, w, dynamic)
				windowBackward(s, w, dynamic)
			}
			lowRankForward(s, w)
			lowRankBackward(s, w)
		}
		laneSums(s)
		partialSums(s, masks)
	}
	Generate()
}

// The fields of convRun, each of 8 bytes, in order.
const (
	tiles = iota
	x
	xStride
	dy
	dyStride
	out
	outStride
	gen
	genStride
	dgen
	dgenStride
	factors
	dfactors
	rank
	groups
	vecs
	xAhead
	dyAhead
	outAhead
	genAhead
	stream
)

// loop is a function that is called with a convRun.
type loop struct {
	simd.ISA
	w, tile int
}

// begin starts a function over tiles of so many positions.
func begin(s simd.ISA, name string, w, tile int, doc string) *loop {
	s.Function(fmt.Sprintf("%sW%d", name, w), "(run *[21]uintptr)", fmt.Sprintf("%s, %d positions at a time.", doc, tile))
	return &loop{s, w, tile}
}

// rows is how many rows of x or of dy a tile reads.
func (l *loop) rows() int { return l.tile + l.w - 1 }

// field loads a field of the run.
func (l *loop) field(i int) reg.GPVirtual {
	r := simd.Loaded("run")
	MOVQ(Mem{Base: r, Disp: 8 * i}, r)
	return r
}

// cursor is a pointer that moves from tile to tile. It lies in the frame, for there
// are more of them than registers, and no collector may see it behind the last row.
type cursor struct {
	Mem
	pointer, stride int
}

func (l *loop) cursor(pointer, stride int) cursor {
	c := cursor{AllocLocal(8), pointer, stride}
	MOVQ(l.field(pointer), c.Mem)
	return c
}

func (c cursor) load() reg.GPVirtual {
	r := GP64()
	MOVQ(c.Mem, r)
	return r
}

// next moves cursors to the next tile.
func (l *loop) next(cursors ...cursor) {
	for _, c := range cursors {
		step := l.field(c.stride)
		IMUL3Q(U8(l.tile), step, step)
		ADDQ(step, c.Mem)
	}
}

// each runs the body once for every count in n.
func each(label string, n Op, body func()) {
	Label(label)
	body()
	DECQ(n)
	JNZ(LabelRef(label))
}

// count is a new counter in the frame.
func (l *loop) count(field int) Mem {
	m := AllocLocal(8)
	MOVQ(l.field(field), m)
	return m
}

// strided addresses consecutive rows: each base register reaches five.
type strided struct {
	bases         []reg.GPVirtual
	stride, three reg.GPVirtual
}

func newStrided(base, stride reg.GPVirtual, rows int) strided {
	r := strided{bases: []reg.GPVirtual{base}, stride: stride}
	if rows > 3 {
		r.three = GP64()
		LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, r.three)
	}
	for len(r.bases)*5 < rows {
		b := GP64()
		LEAQ(Mem{Base: r.bases[len(r.bases)-1], Index: stride, Scale: 4}, b)
		ADDQ(stride, b)
		r.bases = append(r.bases, b)
	}
	return r
}

func (r strided) row(i int) Mem {
	m := Mem{Base: r.bases[i/5]}
	switch i % 5 {
	case 0:
	case 3:
		m.Index, m.Scale = r.three, 1
	default:
		m.Index, m.Scale = r.stride, uint8(i%5)
	}
	return m
}

// add moves all rows by so many bytes.
func (r strided) add(bytes Op) {
	for _, b := range r.bases {
		ADDQ(bytes, b)
	}
}

// walk visits rows 0 to n-1 with one pointer, which ends behind the last but one.
func walk(base, stride reg.GPVirtual, n int, visit func(i int, at Mem)) {
	p := GP64()
	MOVQ(base, p)
	for i := range n {
		visit(i, Mem{Base: p})
		if i < n-1 {
			ADDQ(stride, p)
		}
	}
}

// matrix is rows x cols new vectors.
func (l *loop) matrix(rows, cols int) [][]reg.VecVirtual {
	m := make([][]reg.VecVirtual, rows)
	for i := range m {
		m[i] = l.vectors(cols)
	}
	return m
}

func (l *loop) vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = l.Vec()
	}
	return v
}

// at is vector k of those that start at base.
func (l *loop) at(base reg.GPVirtual, k int) Mem { return Mem{Base: base, Disp: k * l.Width()} }

// addProduct adds the product of a and b to sum, or starts it when it is the first.
func addProduct(a Op, b, sum reg.VecVirtual, first bool) {
	if first {
		VMULPS(a, b, sum)
	} else {
		VFMADD231PS(a, b, sum)
	}
}
