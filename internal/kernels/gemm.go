package kernels

// Layout says how the factors of a matrix product are stored.
type Layout uint8

// The products that training needs: forward, gradient of the input, gradient of
// the weights.
const (
	NN Layout = iota // C = A·B   A stored [M,K], B stored [K,N]
	NT               // C = A·Bᵀ  A stored [M,K], B stored [N,K]
	TN               // C = Aᵀ·B  A stored [K,M], B stored [K,N]
)

// String names the layout as BLAS does.
func (l Layout) String() string { return [...]string{"NN", "NT", "TN"}[l] }

// Gemm multiplies matrices: C [m,n] = A·B, or C += A·B when acc is true, with the
// factors stored as l says. The views may be column slices of wider buffers. C must
// not overlap A or B. The bits of the result do not depend on the number of threads.
func Gemm(l Layout, m, n, k int, a, b, c View, acc bool) {
	if m <= 0 || n <= 0 {
		return
	}
	checkGemm(l, m, n, k, a, b, c)
	if l == NT && m <= dotRows {
		dots(m, n, k, a, b, c, acc)
		return
	}
	g := newProduct(l, m, a, acc)
	g.b = append(g.b, b)
	g.columns(c, n)
	g.depth(0, k)
	g.run()
	g.release()
}

// checkGemm panics when a view is too small for its matrix.
func checkGemm(l Layout, m, n, k int, a, b, c View) {
	if l == TN {
		a.mustHold("Gemm: A", k, m)
	} else {
		a.mustHold("Gemm: A", m, k)
	}
	if l == NT {
		b.mustHold("Gemm: B", n, k)
	} else {
		b.mustHold("Gemm: B", k, n)
	}
	c.mustHold("Gemm: C", m, n)
}
