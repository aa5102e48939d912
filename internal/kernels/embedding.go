package kernels

// EmbeddingForward looks rows up: y[i] = table[tokens[i]], table being [vocab,d].
func EmbeddingForward(y View, table []float32, tokens []int32, d int) {
	y.mustHold("Embedding: y", len(tokens), d)
	forRows(len(tokens), d, func(r0, r1 int) {
		for r := r0; r < r1; r++ {
			at := int(tokens[r]) * d
			copy(y.Row(r, d), table[at:at+d])
		}
	})
}

// EmbeddingBackward sums the gradients of the rows of a token, in ascending order of
// position:
//
//	dtable[v] = sum_{i: tokens[i]=v} dy[i]
//
// dtable [vocab,d] is overwritten or, when acc is true, added to.
func EmbeddingBackward(dtable []float32, dy View, tokens []int32, vocab, d int, acc bool) {
	dy.mustHold("Embedding: dy", len(tokens), d)
	dtable = dtable[:vocab*d]
	count, size := groups(vocab, embeddingTasks)
	For(count, func(i int) {
		v0, v1 := i*size, min(vocab, (i+1)*size)
		if !acc {
			clear(dtable[v0*d : v1*d])
		}
		for r, v := range tokens {
			if int(v) >= v0 && int(v) < v1 {
				addTo(dtable[int(v)*d:(int(v)+1)*d], dy.Row(r, d))
			}
		}
	})
}

// embeddingTasks is into how many ranges of tokens the table is cut.
const embeddingTasks = 16
