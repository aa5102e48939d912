package kernels

// Add computes y = a + b on rows x d matrices. y may be a or b.
func Add(y, a, b View, rows, d int) {
	y.mustHold("Add: y", rows, d)
	a.mustHold("Add: a", rows, d)
	b.mustHold("Add: b", rows, d)
	stream := y.stream(rows, d, a, b)
	forRows(rows, d, func(r0, r1 int) {
		for r := r0; r < r1; r++ {
			addPast(y.Row(r, d), a.Row(r, d), b.Row(r, d), stream)
		}
	})
}

// add is dst = a + b; dst may be a or b.
func add(dst, a, b []float32) { addPast(dst, a, b, 0) }

// addPast is add, past the caches when stream is 1.
func addPast(dst, a, b []float32, stream int) {
	a, b = a[:len(dst)], b[:len(dst)]
	if c := rowsNow(); c != nil && len(dst) > 0 {
		c.add(len(dst), &dst[0], &a[0], &b[0], stream)
		return
	}
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// addTo is dst += src.
func addTo(dst, src []float32) { add(dst, dst, src) }

// axpy is dst += f*src.
func axpy(dst []float32, f float32, src []float32) { triad(dst, dst, src, f) }

// triad is dst = a + f*b; dst may be a or b.
func triad(dst, a, b []float32, f float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	if c := rowsNow(); c != nil && len(dst) > 0 {
		c.axpy(len(dst), &dst[0], &a[0], &b[0], f)
		return
	}
	for i := range dst {
		dst[i] = a[i] + f*b[i]
	}
}

// dot is the inner product of a and b.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	if c := rowsNow(); c != nil && len(a) > 0 {
		return c.dot(len(a), &a[0], &b[0])
	}
	var s0, s1, s2, s3 float32
	for ; len(a) >= 4; a, b = a[4:], b[4:] {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
	}
	for i := range a {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}
