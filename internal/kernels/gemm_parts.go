package kernels

// Part is one factor of a joint product, with N columns.
type Part struct {
	B View
	C View // of GemmConcat: where the result goes
	N int
}

// GemmConcat multiplies one matrix by several, in one go: for each part C = A·B (NN)
// or Aᵀ·B (TN), C [m,N]; acc adds. It gives the values of one Gemm a part, and its bits
// where neither divides k, but works A up once, and spreads parts of few columns over all
// threads.
func GemmConcat(l Layout, m, k int, a View, parts []Part, acc bool) {
	if l == NT {
		panic("kernels: GemmConcat: the layout NT has no use and no code")
	}
	n := 0
	for _, p := range parts {
		checkGemm(l, m, p.N, k, a, p.B, p.C)
		n += p.N
	}
	if m <= 0 || n <= 0 {
		return
	}
	g := newProduct(l, m, a, acc)
	for _, p := range parts {
		g.b = append(g.b, p.B)
		g.columns(p.C, p.N)
	}
	g.depth(0, k)
	g.run()
	g.release()
}

// GemmSum sums products: c [m,n] = sum over the parts of A_i·B_iᵀ, A_i being the next N
// columns of a and B_i [n,N]. It writes c once instead of once a part.
func GemmSum(m, n int, a View, parts []Part, c View) {
	k := 0
	for _, p := range parts {
		p.B.mustHold("GemmSum: B", n, p.N)
		k += p.N
	}
	a.mustHold("GemmSum: A", m, k)
	c.mustHold("GemmSum: C", m, n)
	if m <= 0 || n <= 0 {
		return
	}
	g := newProduct(NT, m, a, false)
	g.columns(c, n)
	for i, p := range parts {
		g.b = append(g.b, p.B)
		g.depth(i, p.N)
	}
	g.run()
	g.release()
}
