package kernels

import (
	"cmp"
	"fmt"
	"slices"
)

// EmbeddingForward looks rows up: y[i] = table[tokens[i]], table being [vocab,d]. A token that
// the table does not have panics.
func EmbeddingForward(y View, table []float32, tokens []int32, d int) {
	y.mustHold("Embedding: y", len(tokens), d)
	if d <= 0 {
		return
	}
	code := rowsNow()
	table = slices.Clip(table) // what lies beyond it is no row of it
	stream := y.stream(len(tokens), d)
	forRows(len(tokens), d, func(r0, r1 int) {
		for r := r0; r < r1; r++ {
			at := int(tokens[r]) * d
			if row := table[at : at+d]; code == nil {
				copy(y.Row(r, d), row)
			}
		}
		if code != nil {
			code.copyRows(r1-r0, d, &y.Row(r0, d)[0], 4*y.Stride, &table[0], 4*d, &tokens[r0], stream)
		}
	})
}

// EmbeddingBackward sums the gradients of the rows of a token, in ascending order of
// position:
//
//	dtable[v] = sum_{i: tokens[i]=v} dy[i]
//
// dtable [vocab,d] is overwritten or, when acc is true, added to. A token that the table
// does not have panics.
func EmbeddingBackward(dtable []float32, dy View, tokens []int32, vocab, d int, acc bool) {
	if !startTable(dtable[:vocab*d], dy, tokens, vocab, d, acc) {
		return
	}
	sorted := sortTokens(tokens)
	defer sorted.positions.release()
	// A task owns the tokens of a bin: whole rows in their order, as memory likes them best. But
	// one token may make up most positions, and then columns are cut as well.
	cols := d
	if threads := Threads(); sorted.longest()*threads > len(tokens) {
		cols = max(embeddingCols, (d+threads-1)/threads)
	}
	blocks := (d + cols - 1) / cols
	For(sorted.n*blocks, func(i int) {
		bin, c0 := i/blocks, i%blocks*cols
		addRows(dtable[c0:], d, dy.At(0, c0), sorted.bin(bin), tokens, min(cols, d-c0))
	})
}

// startTable checks dy and tokens, clears dtable unless acc is set, and says whether there
// is anything to add.
func startTable[T float32 | uint16](dtable []T, dy View, tokens []int32, vocab, d int, acc bool) bool {
	dy.mustHold("Embedding: dy", len(tokens), d)
	for _, v := range tokens { // assembly writes to the rows that they name
		if v < 0 || int(v) >= vocab {
			panic(fmt.Sprintf("kernels: Embedding: token %d of a table of %d", v, vocab))
		}
	}
	if !acc {
		forRows(len(dtable), 1, func(i0, i1 int) { clear(dtable[i0:i1]) })
	}
	return len(tokens) > 0 && d > 0
}

// EmbeddingBackwardBF16 is EmbeddingBackward with dtable in bfloat16: the sum of a
// token's rows is rounded once, stochastically, with the draws of seed.
func EmbeddingBackwardBF16(dtable []uint16, dy View, tokens []int32, vocab, d int, acc bool, seed uint64) {
	if !startTable(dtable[:vocab*d], dy, tokens, vocab, d, acc) {
		return
	}
	sorted, draws := sortTokens(tokens), drawsOf(seed)
	defer sorted.positions.release()
	For(sorted.n, func(bin int) {
		list := sorted.bin(bin)
		slices.SortFunc(list, func(p, q int32) int { return cmp.Or(cmp.Compare(tokens[p], tokens[q]), cmp.Compare(p, q)) })
		sum := scratch(d)
		defer sum.release()
		for len(list) > 0 {
			v, n := tokens[list[0]], 1
			for n < len(list) && tokens[list[n]] == v {
				n++
			}
			clear(sum.f)
			for _, p := range list[:n] {
				addTo(sum.f, dy.Row(int(p), d))
			}
			at := int(v) * d
			storeBF16(dtable[at:at+d], sum.f, true, draws, at)
			list = list[n:]
		}
	})
}

const (
	embeddingBins  = 64   // most bins: a power of two
	embeddingCols  = 32   // fewest columns of a task: two cache lines
	embeddingChunk = 1024 // tokens that a task sorts
)

// tokenBins are the positions of tokens in n bins by the last bits of the token, in
// ascending order in each bin. How many bins there are decides no bit of a sum.
type tokenBins struct {
	positions *buffer
	n         int
	ends      [embeddingBins]int32
}

// longest is how many positions the longest bin has.
func (b *tokenBins) longest() int {
	most := 0
	for i := range b.n {
		most = max(most, len(b.bin(i)))
	}
	return most
}

// bin is the positions in one bin.
func (b *tokenBins) bin(i int) []int32 {
	first := int32(0)
	if i > 0 {
		first = b.ends[i-1]
	}
	return b.positions.int32s()[first:b.ends[i]]
}

// sortTokens sorts the positions of tokens into one bin for one thread, or into some for each;
// the positions' buffer is the caller's to release.
func sortTokens(tokens []int32) (b tokenBins) {
	b.positions, b.n = scratch(len(tokens)), 1
	positions := b.positions.int32s()
	threads := Threads()
	if threads == 1 {
		for i := range tokens {
			positions[i] = int32(i)
		}
		b.ends[0] = int32(len(tokens))
		return b
	}
	for b.n < min(4*threads, embeddingBins) {
		b.n *= 2
	}
	chunks := (len(tokens) + embeddingChunk - 1) / embeddingChunk
	heads := scratch(chunks * b.n) // of each chunk's share of each bin
	defer heads.release()
	counts := heads.int32s()
	part := func(c int) (at, some []int32, first int) {
		first = c * embeddingChunk
		return counts[c*b.n:][:b.n], tokens[first:min(len(tokens), first+embeddingChunk)], first
	}
	clear(counts)
	For(chunks, func(c int) {
		at, some, _ := part(c)
		for _, v := range some {
			at[int(v)&(b.n-1)]++
		}
	})
	sum := int32(0)
	for bin := range b.n {
		for c := range chunks {
			n := counts[c*b.n+bin]
			counts[c*b.n+bin] = sum
			sum += n
		}
		b.ends[bin] = sum
	}
	For(chunks, func(c int) {
		at, some, first := part(c)
		for i, v := range some {
			bin := int(v) & (b.n - 1)
			positions[at[bin]] = int32(first + i)
			at[bin]++
		}
	})
	return b
}

// addRows adds n columns of the rows of src at the given positions to the rows of dst,
// which starts rows stride values apart, that their tokens name.
func addRows(dst []float32, stride int, src View, positions, tokens []int32, n int) {
	if c := rowsNow(); c != nil && len(positions) > 0 {
		c.addRows(len(positions), n, &dst[0], 4*stride, &src.Data[0], 4*src.Stride, &positions[0], &tokens[0])
		return
	}
	for _, p := range positions {
		addTo(dst[int(tokens[p])*stride:][:n], src.Row(int(p), n))
	}
}
