package kernels

// Add computes y = a + b on rows x d matrices. y may be a or b.
func Add(y, a, b View, rows, d int) {
	y.mustHold("Add: y", rows, d)
	a.mustHold("Add: a", rows, d)
	b.mustHold("Add: b", rows, d)
	forRows(rows, d, func(r0, r1 int) {
		for r := r0; r < r1; r++ {
			yr, ar, br := y.Row(r, d), a.Row(r, d), b.Row(r, d)
			for i := range yr {
				yr[i] = ar[i] + br[i]
			}
		}
	})
}
