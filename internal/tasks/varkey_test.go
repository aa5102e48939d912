package tasks

import (
	"math"
	"slices"
	"testing"

	"dsconv/internal/config"
)

// checkVarKey parses an example and holds it to every rule of varKey's comment.
func checkVarKey(t testing.TB, c config.Task, tokens, targets []int32) {
	t.Helper()
	isKey := func(x int32) bool { return x >= 1 && int(x) <= c.KeyTokens }
	isValue := func(x int32) bool { return int(x) > c.KeyTokens }
	value, endings, values := map[string]int32{}, map[int32]int{}, map[int32]bool{}
	at := 0
	for range c.Pairs {
		start := at
		for isKey(tokens[at]) {
			at++
		}
		key, v := tokens[start:at], tokens[at]
		at++
		if len(key) < c.KeyMin || len(key) > c.KeyMax {
			t.Fatalf("key %v has length %d", key, len(key))
		}
		last := key[len(key)-1]
		if want := c.KeyMin + int(last-1)%(c.KeyMax-c.KeyMin+1); c.KeyLength == "ending" && len(key) != want {
			t.Fatalf("key %v should have length %d by its ending", key, want)
		}
		if !isValue(v) || values[v] {
			t.Fatalf("value %d is not one or came before", v)
		}
		if _, twice := value[keyText(key)]; twice {
			t.Fatalf("key %v twice", key)
		}
		value[keyText(key)] = v
		values[v] = true
		endings[last]++
	}
	if len(endings) != c.Endings() {
		t.Fatalf("%d different endings, want %d", len(endings), c.Endings())
	}
	for e, n := range endings {
		if n < 2 || n < c.Pairs/c.Endings() || n > c.Pairs/c.Endings()+1 {
			t.Fatalf("token %d ends %d keys", e, n)
		}
	}
	first := c.Pairs * (c.KeyMax + 1)
	asked := map[string]bool{}
	inKey := make([]bool, len(tokens))
	for i, y := range targets {
		if y == Ignore {
			continue
		}
		if i < first {
			t.Fatalf("label at %d, before the first slot at %d", i, first)
		}
		start := i
		if c.KeyLength == "ending" {
			start = i - (c.KeyMin + int(tokens[i]-1)%(c.KeyMax-c.KeyMin+1)) + 1
		} else {
			for isKey(tokens[start-1]) {
				start--
			}
		}
		key := keyText(tokens[start : i+1])
		if want, ok := value[key]; !ok || y != want {
			t.Fatalf("label %d at %d under key %v", y, i, tokens[start:i+1])
		}
		if (start-first)/(c.KeyMax+1) != (i-first)/(c.KeyMax+1) || (start-first)%(c.KeyMax+1) == 0 {
			t.Fatalf("key at %d to %d does not keep to its slot", start, i)
		}
		asked[key] = true
		for ; start <= i; start++ {
			inKey[start] = true
		}
	}
	if len(asked) != c.Pairs {
		t.Fatalf("%d of %d keys are asked", len(asked), c.Pairs)
	}
	for i := at; i < len(tokens); i++ {
		if inKey[i] {
			continue
		}
		x := tokens[i]
		if c.Filler == "blank" && x != 0 || c.Filler == "random" && !isValue(x) || c.Filler == "keys" && !isKey(x) {
			t.Fatalf("filler %s: token %d at %d", c.Filler, x, i)
		}
	}
}

func keyText(key []int32) string {
	s := ""
	for _, k := range key {
		s += string(rune(k))
	}
	return s
}

func TestVarKeyRules(t *testing.T) {
	for _, c := range []config.Task{
		a("varkey", func(c *config.Task) { c.Pairs = 8 }),
		a("varkey", func(c *config.Task) { c.Pairs, c.Filler = 7, "blank" }),
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyEndings, c.Values = 8, 1, 8 }),
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyMin, c.KeyMax, c.KeyTokens = 9, 2, 2, 3 }),
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyTokens, c.KeyMax, c.KeyEndings = 7, 2, 3, 1 }), // every key of the ending
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.KeyMin, c.Filler = 8, "ending", 2, "keys" }),
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.KeyMin, c.KeyMax, c.SeqLen = 8, "ending", 2, 4, 80 }),
		a("varkey", func(c *config.Task) { c.SeqLen, c.Pairs, c.Values = 512, 64, 64 }),
	} {
		task := must(t, c)
		for index := range uint64(200) {
			tokens, targets := example(task, Train, index)
			checkExample(t, task, tokens, targets)
			checkVarKey(t, c, tokens, targets)
		}
	}
}

// TestVarKeyLengths counts the key lengths where hardly any key is drawn again.
func TestVarKeyLengths(t *testing.T) {
	c := a("varkey", func(c *config.Task) { c.Pairs, c.KeyTokens, c.KeyMin, c.KeyMax = 2, 1000, 2, 4 })
	task := must(t, c)
	counts, total := map[int]int{}, 0
	for index := range uint64(3000) {
		tokens, _ := example(task, Train, index)
		length := slices.IndexFunc(tokens, func(x int32) bool { return int(x) > c.KeyTokens })
		counts[length]++
		total++
	}
	for length := c.KeyMin; length <= c.KeyMax; length++ {
		mean := float64(total) / 3
		if math.Abs(float64(counts[length])-mean) > 5*math.Sqrt(mean) {
			t.Errorf("length %d came %d times, expected %.0f", length, counts[length], mean)
		}
	}
}

func FuzzVarKey(f *testing.F) {
	f.Add(64, 8, 8, 1, 3, 0, false, 32, uint8(0), uint64(0))
	f.Add(128, 8, 5, 2, 4, 2, true, 9, uint8(2), uint64(1))
	f.Add(40, 2, 1, 1, 2, 1, false, 2, uint8(1), uint64(2))
	f.Fuzz(func(t *testing.T, seqLen, pairs, keyTokens, keyMin, keyMax, endings int, ending bool, values int, filler uint8, index uint64) {
		c := a("varkey", func(c *config.Task) {
			c.SeqLen, c.Pairs, c.KeyTokens, c.KeyMin, c.KeyMax, c.KeyEndings, c.Values = seqLen, pairs, keyTokens, keyMin, keyMax, endings, values
			c.Filler = []string{"random", "blank", "keys"}[filler%3]
			if ending {
				c.KeyLength = "ending"
			}
		})
		task, err := New(c, 1)
		if err != nil || seqLen > 4096 {
			return
		}
		tokens, targets := example(task, Test, index)
		checkExample(t, task, tokens, targets)
		checkVarKey(t, c, tokens, targets)
	})
}
