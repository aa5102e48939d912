package tasks

import (
	"math"
	"slices"
	"strings"
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
		last := key[len(key)-1]
		if n := keyLength(c, last); n == 0 && (len(key) < c.KeyMin || len(key) > c.KeyMax) || n > 0 && len(key) != n {
			t.Fatalf("key %v has length %d", key, len(key))
		}
		if !isValue(v) || values[v] {
			t.Fatalf("value %d is not one or came before", v)
		}
		if _, twice := value[identity(c, key)]; twice {
			t.Fatalf("key %v twice", key)
		}
		value[identity(c, key)] = v
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
		start := i + 1 - keyLength(c, tokens[i])
		for start > i || c.KeyLength == "free" && isKey(tokens[start-1]) {
			start--
		}
		key := identity(c, tokens[start:i+1])
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

// keyLength is the length of keys with a last token, where it or the task tells; 0
// where nothing does.
func keyLength(c config.Task, last int32) int {
	switch c.KeyLength {
	case "ending":
		return c.KeyMin + int(last-1)%(c.KeyMax-c.KeyMin+1)
	case "lag":
		return c.KeyMax
	}
	return 0
}

// identity is what names a key: all its tokens, or the two that count.
func identity(c config.Task, key []int32) string {
	if c.KeyLength == "lag" {
		last := len(key) - 1
		return keyText([]int32{key[last-1-int(key[last]-1)%(c.KeyMax-1)], key[last]})
	}
	return keyText(key)
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
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.Filler = 8, "lag", "keys" }),
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.KeyMax, c.SeqLen, c.KeyEndings = 8, "lag", 4, 80, 1 }), // every key of the ending
		a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.KeyMax, c.Filler = 8, "lag", 2, "blank" }),
	} {
		task := must(t, c)
		for index := range uint64(200) {
			tokens, targets := example(task, Train, index)
			checkExample(t, c, task, tokens, targets)
			checkVarKey(t, c, tokens, targets)
		}
	}
}

// TestVarKeyGroups compares the group of each label with the key in the context.
func TestVarKeyGroups(t *testing.T) {
	for name, c := range map[string]config.Task{
		"key length":         a("varkey", func(c *config.Task) { c.Pairs = 8 }),
		"key length, ending": a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.KeyMin, c.Filler = 8, "ending", 2, "keys" }),
		"lag":                a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.KeyMax, c.SeqLen = 8, "lag", 4, 80 }),
	} {
		g := must(t, c).(Grouped)
		if !strings.HasPrefix(name, g.GroupName()) {
			t.Errorf("%s: the group is called %s", name, g.GroupName())
		}
		seen := map[int]bool{}
		for index := range uint64(50) {
			tokens, targets := example(g, Test, index)
			for i, y := range targets {
				if y == Ignore {
					continue
				}
				value := slices.Index(tokens, y)
				length := 0
				for value-length > 0 && int(tokens[value-length-1]) <= c.KeyTokens {
					length++
				}
				want := length
				if c.KeyLength == "lag" {
					want = 1 + int(tokens[i]-1)%(c.KeyMax-1)
				}
				if got := g.Group(tokens, i); got != want {
					t.Fatalf("%s, example %d: label at %d is of group %d, want %d", name, index, i, got, want)
				}
				seen[want] = true
			}
		}
		if len(seen) < 2 {
			t.Errorf("%s: groups %v", name, seen)
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
	f.Add(64, 8, 8, 1, 3, 0, uint8(0), 32, uint8(0), uint64(0))
	f.Add(128, 8, 5, 2, 4, 2, uint8(1), 9, uint8(2), uint64(1))
	f.Add(40, 2, 1, 1, 2, 1, uint8(0), 2, uint8(1), uint64(2))
	f.Add(64, 8, 8, 1, 3, 0, uint8(2), 32, uint8(2), uint64(3))
	f.Fuzz(func(t *testing.T, seqLen, pairs, keyTokens, keyMin, keyMax, endings int, length uint8, values int, filler uint8, index uint64) {
		c := a("varkey", func(c *config.Task) {
			c.SeqLen, c.Pairs, c.KeyTokens, c.KeyMin, c.KeyMax, c.KeyEndings, c.Values = seqLen, pairs, keyTokens, keyMin, keyMax, endings, values
			c.Filler = []string{"random", "blank", "keys"}[filler%3]
			c.KeyLength = []string{"free", "ending", "lag"}[length%3]
		})
		task, err := New(c, 1)
		if err != nil || seqLen > 4096 {
			return
		}
		tokens, targets := example(task, Test, index)
		checkExample(t, c, task, tokens, targets)
		checkVarKey(t, c, tokens, targets)
	})
}

// TestVarKeyLagRedrawsTheRest looks whether the tokens of a key that do not count
// differ between its two places, as often as they do by chance.
func TestVarKeyLagRedrawsTheRest(t *testing.T) {
	c := a("varkey", func(c *config.Task) { c.Pairs, c.KeyLength, c.KeyMax, c.SeqLen = 8, "lag", 4, 80 })
	task := must(t, c)
	same, total := 0.0, 0.0
	for index := range uint64(1000) {
		tokens, targets := example(task, Train, index)
		for i, y := range targets {
			if y == Ignore {
				continue
			}
			first := slices.Index(tokens, y) // the value in the context, right after the key
			counts := 1 + int(tokens[i]-1)%(c.KeyMax-1)
			for lag := 1; lag < c.KeyMax; lag++ {
				if tokens[i-lag] == tokens[first-1-lag] {
					if lag != counts {
						same++
					}
				} else if lag == counts {
					t.Fatalf("example %d: the token that counts differs", index)
				}
				if lag != counts {
					total++
				}
			}
		}
	}
	p := 1 / float64(c.KeyTokens)
	if math.Abs(same-total*p) > 5*math.Sqrt(total*p) {
		t.Errorf("%v of %v tokens that do not count are the same, expected %.0f", same, total, total*p)
	}
}
