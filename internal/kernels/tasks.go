package kernels

// taskElements is how many elements one task of an elementwise kernel works on:
// enough that taking a task costs little, few enough that its rows stay in the
// cache between the passes of a kernel and that small batches still spread.
const taskElements = 16 << 10

// forRows cuts rows x cols elements into tasks of whole rows and runs
// body(first, last) on each range. The cut depends on the shape alone.
func forRows(rows, cols int, body func(r0, r1 int)) {
	step := max(1, taskElements/max(cols, 1))
	if rows <= step {
		if rows > 0 {
			body(0, rows)
		}
		return
	}
	For((rows+step-1)/step, func(i int) { body(i*step, min(rows, (i+1)*step)) })
}

// groups cuts n units of work into at most limit groups of equal size, for sums
// that need a partial result each: group i holds units [i*size, (i+1)*size).
func groups(n, limit int) (count, size int) {
	if n <= 0 {
		return 0, 1
	}
	size = (n + limit - 1) / limit
	return (n + size - 1) / size, size
}

// sumStrided adds count partial vectors as long as dst, which start stride values apart
// in parts, in ascending order: dst = sum, or dst += sum when acc is true.
func sumStrided(dst, parts []float32, count, stride int, acc bool) {
	forRows(len(dst), max(count, 1), func(i0, i1 int) {
		d := dst[i0:i1]
		if !acc {
			clear(d)
		}
		for p := range count {
			addTo(d, parts[p*stride+i0:p*stride+i1])
		}
	})
}
