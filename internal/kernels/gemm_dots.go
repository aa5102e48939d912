package kernels

// dotRows is up to how many rows of A an NT product is made of inner products: packing
// B, which is used once a row, would cost more than the product.
const dotRows = 4

// dots is an NT product of few rows: each element of C is the inner product of a row of
// A and a row of B, and B is read once.
func dots(m, n, k int, a, b, c View, acc bool) {
	forRows(n, k, func(j0, j1 int) {
		for j := j0; j < j1; j++ {
			for i := range m {
				sum := dot(a.Row(i, k), b.Row(j, k))
				if at := &c.Data[i*c.Stride+j]; acc {
					*at += sum
				} else {
					*at = sum
				}
			}
		}
	})
}
