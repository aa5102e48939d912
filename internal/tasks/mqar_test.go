package tasks

import (
	"math"
	"testing"

	"dsconv/internal/config"
)

// checkMQAR holds an example to every rule of the type's comment.
func checkMQAR(t testing.TB, c config.Task, tokens, targets []int32) {
	t.Helper()
	n, half := c.Pairs, int32(c.Vocab/2)
	value, seen := map[int32]int32{}, map[int32]bool{}
	for j := range n {
		k, v := tokens[2*j], tokens[2*j+1]
		if k < 1 || k >= half {
			t.Fatalf("key %d is not in [1, %d)", k, half)
		}
		if v < half || int(v) >= c.Vocab {
			t.Fatalf("value %d is not in [%d, %d)", v, half, c.Vocab)
		}
		if _, twice := value[k]; twice {
			t.Fatalf("key %d twice", k)
		}
		if seen[v] {
			t.Fatalf("value %d twice", v)
		}
		value[k], seen[v] = v, true
	}
	asked := map[int32]bool{}
	for i, y := range targets {
		switch {
		case y != Ignore:
			if i < 2*n || (i-2*n)%2 != 0 {
				t.Fatalf("label at %d, which is not the start of a slot", i)
			}
			if want, ok := value[tokens[i]]; !ok || y != want {
				t.Fatalf("label %d at %d under token %d", y, i, tokens[i])
			}
			if asked[tokens[i]] {
				t.Fatalf("key %d is asked twice", tokens[i])
			}
			asked[tokens[i]] = true
		case i >= 2*n && c.Filler == "blank" && tokens[i] != 0:
			t.Fatalf("token %d at %d, which is blank", tokens[i], i)
		}
	}
	if len(asked) != n {
		t.Fatalf("%d of %d keys are asked", len(asked), n)
	}
}

func TestMQARRules(t *testing.T) {
	for _, c := range []config.Task{
		a("mqar", nil),
		a("mqar", func(c *config.Task) { c.Filler = "blank" }),
		a("mqar", func(c *config.Task) { c.Pairs = 16 }), // every slot is taken
		a("mqar", func(c *config.Task) { c.Vocab = 10 }), // every key and value is taken
		a("mqar", func(c *config.Task) { c.Vocab = 11 }),
		a("mqar", func(c *config.Task) { c.Vocab, c.SeqLen, c.Pairs = 8192, 1024, 256 }),
	} {
		task := must(t, c)
		for index := range uint64(100) {
			tokens, targets := example(task, Train, index)
			checkExample(t, c, task, tokens, targets)
			checkMQAR(t, c, tokens, targets)
		}
	}
}

// TestMQARSlots compares how often the only key of an example takes each slot with
// its probability (g+1)^(power-1), and with several keys how often each pair of
// slots is taken in order, as drawing without replacement gives it.
func TestMQARSlots(t *testing.T) {
	const draws = 40000
	for _, power := range []float64{0.01, 1, 2} {
		c := a("mqar", func(c *config.Task) { c.Pairs, c.SeqLen, c.Power = 2, 14, power })
		task := must(t, c)
		weight, total := make([]float64, 5), 0.0
		for g := range weight {
			weight[g] = math.Pow(float64(g+1), power-1)
			total += weight[g]
		}
		counts := map[[2]int]int{}
		for index := range uint64(draws) {
			tokens, targets := example(task, Train, index)
			var slots [2]int
			for i, y := range targets {
				if y == tokens[1] {
					slots[0] = (i - 4) / 2
				} else if y == tokens[3] {
					slots[1] = (i - 4) / 2
				}
			}
			counts[slots]++
		}
		for g := range weight {
			for h := range weight {
				if g == h {
					continue
				}
				p := weight[g] / total * weight[h] / (total - weight[g])
				if got := float64(counts[[2]int{g, h}]); math.Abs(got-draws*p) > 5*math.Sqrt(draws*p) {
					t.Errorf("power %v: slots %d, %d were taken %v times, expected %.0f", power, g, h, got, draws*p)
				}
			}
		}
	}
}

// TestMQARFiller counts the tokens between queries: uniform over the whole
// vocabulary, keys and values among them.
func TestMQARFiller(t *testing.T) {
	c := a("mqar", func(c *config.Task) { c.Vocab, c.Pairs = 16, 2 })
	task := must(t, c)
	counts, total := make([]int, c.Vocab), 0
	for index := range uint64(3000) {
		tokens, targets := example(task, Train, index)
		for i := 2 * c.Pairs; i < c.SeqLen; i++ {
			if targets[i] == Ignore {
				counts[tokens[i]]++
				total++
			}
		}
	}
	mean := float64(total) / float64(c.Vocab)
	for v, n := range counts {
		if math.Abs(float64(n)-mean) > 5*math.Sqrt(mean) {
			t.Errorf("filler token %d came %d times, expected %.0f", v, n, mean)
		}
	}
}

func FuzzMQAR(f *testing.F) {
	f.Add(64, 256, 4, 0.01, false, uint64(0))
	f.Add(4, 4, 1, 1.0, true, uint64(1))
	f.Add(128, 70, 32, -8.0, false, uint64(2))
	f.Fuzz(func(t *testing.T, seqLen, vocab, pairs int, power float64, blank bool, index uint64) {
		c := a("mqar", func(c *config.Task) {
			c.SeqLen, c.Vocab, c.Pairs, c.Power = seqLen, vocab, pairs, power
			if blank {
				c.Filler = "blank"
			}
		})
		task, err := New(c, 1)
		if err != nil || seqLen > 4096 {
			return
		}
		tokens, targets := example(task, Test, index)
		checkExample(t, c, task, tokens, targets)
		checkMQAR(t, c, tokens, targets)
	})
}
