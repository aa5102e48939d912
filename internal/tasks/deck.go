package tasks

import "dsconv/internal/rng"

// deck deals different numbers below its size: the start of a Fisher-Yates shuffle,
// undone afterwards, so that a deal costs as much as it deals and no more.
type deck struct {
	cards, swapped []int32
}

func newDeck(size int) *deck {
	d := &deck{cards: make([]int32, size)}
	for i := range d.cards {
		d.cards[i] = int32(i)
	}
	return d
}

// deal fills out with different numbers from [lo, lo+size), in random order.
func (d *deck) deal(src *rng.Source, lo int32, out []int32) {
	d.swapped = d.swapped[:0]
	for i := range out {
		j := i + src.IntN(len(d.cards)-i)
		d.cards[i], d.cards[j] = d.cards[j], d.cards[i]
		d.swapped = append(d.swapped, int32(j))
		out[i] = lo + d.cards[i]
	}
	for i := len(out) - 1; i >= 0; i-- {
		j := d.swapped[i]
		d.cards[i], d.cards[j] = d.cards[j], d.cards[i]
	}
}
