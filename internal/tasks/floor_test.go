package tasks

import (
	"math"
	"testing"

	"dsconv/internal/config"
)

// The floor of a MAD task is that of guessing among the labels that its test split has,
// which are counted here, at the benchmark's vocabularies and others.
func TestFloorCountsLabels(t *testing.T) {
	for _, kind := range []string{"mad-recall", "mad-noisy", "mad-fuzzy", "mad-copy", "mad-compress", "mad-memorize"} {
		for _, more := range []int{0, 1, 48} {
			c := mad(kind, func(c *config.Task) { c.Vocab += more })
			task, err := New(c, 1)
			if err != nil {
				t.Fatal(err)
			}
			tokens, targets := make([]int32, c.SeqLen), make([]int32, c.SeqLen)
			data := map[int32]bool{}
			last := map[int32]bool{} // of compression: another alphabet
			for i := range uint64(400) {
				task.Example(Test, i, tokens, targets)
				for at, x := range targets {
					switch {
					case x == Ignore:
					case kind == "mad-compress" && at == len(targets)-1:
						last[x] = true
					default:
						data[x] = true
					}
				}
			}
			want := 1 / float64(len(data))
			if kind == "mad-compress" {
				n := float64(c.SeqLen)
				want = ((n-1)/float64(len(data)) + 1/float64(len(last))) / n
			}
			if got := Floor(c); math.Abs(got-want) > 1e-12 {
				t.Errorf("%s of %d tokens: floor %v, its labels give %v", kind, c.Vocab, got, want)
			}
		}
	}
}

func TestFloor(t *testing.T) {
	for kind, want := range map[string]float64{"mqar": 0.25, "varkey": 0.25, "mad-recall": 0.125, "mad-noisy": 0.125, "mad-fuzzy": 0.125, "mad-copy": 1. / 14, "mad-memorize": 1. / 127, "language": 0, "text": 0} {
		c := mad(kind, func(c *config.Task) { c.Pairs = 4 })
		if got := Floor(c); got != want {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
}
