package tasks

import "dsconv/internal/config"

// Floor is the accuracy of guessing that knows what the labels look like, but nothing
// of which key belongs to which value: the line that recall must rise above. In mqar
// and varkey it guesses among the n values of the sequence, which is 1/n; in
// the tasks of MAD among the tokens that a label can be. Language and text have none,
// and give 0.
func Floor(t config.Task) float64 {
	switch t.Kind {
	case "mqar", "varkey":
		return 1 / float64(t.Pairs)
	case "mad-recall":
		return 1 / float64(t.Vocab-t.Vocab/2)
	case "mad-noisy":
		usable := t.Vocab - t.NoiseTokens
		return 1 / float64(usable-usable/2)
	case "mad-fuzzy":
		return 1 / float64(t.Vocab-1-(t.Vocab-1)/2)
	case "mad-copy":
		return 1 / float64(t.Vocab-2)
	case "mad-compress":
		// The last position is always the compress token.
		data := float64(t.SeqLen - 1)
		return (data/float64(t.Vocab-1) + 1) / float64(t.SeqLen)
	case "mad-memorize":
		return 1 / float64((t.Vocab-1)/2) // keys have different values
	}
	return 0
}

// MaxLabels bounds the labelled positions of an example. It needs no task, which might
// read files or draw tables.
func MaxLabels(t config.Task) int {
	switch {
	case t.HasPairs():
		return t.Pairs
	case t.Kind == "mad-copy":
		return t.CopyTokens
	case t.Kind == "mad-memorize":
		return t.SeqLen / 2
	}
	return t.SeqLen
}
