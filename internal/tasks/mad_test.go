package tasks

import (
	"math"
	"slices"
	"testing"

	"dsconv/internal/config"
)

// mad returns the benchmark's baseline setting of a task.
func mad(kind string, change func(*config.Task)) config.Task {
	return a(kind, func(c *config.Task) {
		c.Vocab, c.SeqLen, c.TrainExamples = 16, 128, 12800
		switch kind {
		case "mad-noisy":
			c.Vocab = 32
		case "mad-copy":
			c.SeqLen = 256
		case "mad-compress":
			c.SeqLen = 32
		case "mad-memorize":
			c.Vocab, c.SeqLen, c.TrainExamples = 256, 32, 256
		}
		if change != nil {
			change(c)
		}
	})
}

// checkNextTokens holds training labels to being the next tokens.
func checkNextTokens(t testing.TB, tokens, targets []int32) {
	t.Helper()
	if !slices.Equal(tokens[1:], targets[:len(targets)-1]) {
		t.Fatalf("training labels are not the next tokens")
	}
}

// checkMADRecall holds an example to the rules of madRecall's comment.
func checkMADRecall(t testing.TB, c config.Task, split Split, tokens, targets []int32) (noisy int) {
	t.Helper()
	noise := 0
	if c.Kind == "mad-noisy" {
		noise = c.NoiseTokens
	}
	usable := int32(c.Vocab - noise)
	value := map[int32]int32{}
	for at := 0; at < len(tokens); at += 2 {
		k, v := tokens[at], tokens[at+1]
		if k >= usable {
			if v < usable || at == len(tokens)-2 {
				t.Fatalf("noise %d, %d at %d", k, v, at)
			}
			noisy++
			if split != Train && (targets[at] != Ignore || targets[at+1] != Ignore) {
				t.Fatalf("noise at %d has a label", at)
			}
			continue
		}
		if k >= usable/2 || v < usable/2 || v >= usable {
			t.Fatalf("pair %d, %d at %d of %d keys and values", k, v, at, usable)
		}
		want, shown := value[k]
		if shown && v != want {
			t.Fatalf("key %d has values %d and %d", k, want, v)
		}
		if at == len(tokens)-2 && !shown {
			t.Fatalf("the final key %d was never shown", k)
		}
		value[k] = v
		if split == Train {
			continue
		}
		label := int32(Ignore)
		if shown {
			label = v
		}
		if targets[at] != label || targets[at+1] != Ignore {
			t.Fatalf("labels %d, %d at %d, want %d and none", targets[at], targets[at+1], at, label)
		}
	}
	if split == Train {
		checkNextTokens(t, tokens, targets)
		if targets[len(targets)-1] != Ignore {
			t.Fatal("the last token has a label")
		}
	}
	return noisy
}

// checkMADFuzzy parses an example: key and value tokens differ, so every pair shows.
func checkMADFuzzy(t testing.TB, c config.Task, split Split, tokens, targets []int32) (pairs [][2]string) {
	t.Helper()
	if split == Train {
		checkNextTokens(t, tokens, targets)
	}
	pad, keys := int32(c.Vocab-1), int32((c.Vocab-1)/2)
	// The last token of the sequence is only a label.
	all := append(slices.Clone(tokens), targets[len(targets)-1])
	at := 0
	for all[at] == pad {
		if split != Train && targets[at] != Ignore && all[at+1] == pad {
			t.Fatalf("the pad at %d has a label", at)
		}
		at++
	}
	if used := len(all) - at; used > c.SeqLen+1 || used < c.SeqLen-c.KeyMax-c.ValueMax {
		t.Fatalf("%d of %d positions are used", used, c.SeqLen+1)
	}
	motif := func(most int, is func(int32) bool) string {
		start := at
		for at < len(all) && is(all[at]) {
			if slices.Contains(all[start:at], all[at]) {
				t.Fatalf("token %d twice in the motif at %d", all[at], start)
			}
			at++
		}
		if n := at - start; n < 1 || n > most {
			t.Fatalf("a motif of %d tokens at %d", n, start)
		}
		return keyText(all[start:at])
	}
	value := map[string]string{}
	for at < len(all) {
		start := at
		k := motif(c.KeyMax, func(x int32) bool { return x < keys })
		if split != Train && at-start != c.KeyMax {
			t.Fatalf("a key of %d tokens when testing", at-start)
		}
		middle := at
		v := motif(c.ValueMax, func(x int32) bool { return x >= keys && x != pad })
		want, shown := value[k]
		if shown && v != want {
			t.Fatalf("the key at %d has two values", start)
		}
		for i := start; split != Train && i < at && i > 0; i++ {
			label := int32(Ignore)
			if shown && i >= middle {
				label = all[i]
			}
			if targets[i-1] != label {
				t.Fatalf("label %d before the token at %d, want %d", targets[i-1], i, label)
			}
		}
		if at == len(all) && !shown {
			t.Fatal("the probe at the end was never shown")
		}
		value[k] = v
		pairs = append(pairs, [2]string{k, v})
	}
	return pairs
}

func checkMADCopy(t testing.TB, c config.Task, tokens, targets []int32) {
	t.Helper()
	blank, n := int32(c.Vocab-2), c.CopyTokens
	at := slices.Index(tokens, blank+1)
	if at != len(tokens)-n-1 || tokens[at-1] >= blank {
		t.Fatalf("copy stands at %d after %d", at, tokens[at-1])
	}
	var data []int32
	for i, x := range tokens {
		if x < blank {
			data = append(data, x)
		}
		if i < len(tokens)-n && targets[i] != Ignore {
			t.Fatalf("label at %d", i)
		}
		if i > at && x != blank {
			t.Fatalf("token %d at %d, after copy", x, i)
		}
	}
	if !slices.Equal(data, targets[len(targets)-n:]) {
		t.Fatalf("data %v, labels %v", data, targets[len(targets)-n:])
	}
}

func checkMADCompress(t testing.TB, c config.Task, tokens, targets []int32) {
	t.Helper()
	if !slices.Equal(tokens, targets) || slices.Index(tokens, int32(c.Vocab-1)) != len(tokens)-1 {
		t.Fatalf("tokens %v, targets %v", tokens, targets)
	}
}

func checkMADMemorize(t testing.TB, c config.Task, value map[int32]int32, tokens, targets []int32) {
	t.Helper()
	keys, insert := int32((c.Vocab-1)/2), int32(c.Vocab-1)
	for at := 0; at < len(tokens); at += 2 {
		k, v := tokens[at], targets[at+1]
		if k >= keys || tokens[at+1] != insert || targets[at] != Ignore || v < keys || v >= insert {
			t.Fatalf("tokens %d, %d and labels %d, %d at %d", k, tokens[at+1], targets[at], v, at)
		}
		if want, known := value[k]; known && want != v {
			t.Fatalf("key %d has values %d and %d", k, want, v)
		}
		value[k] = v
	}
}

func TestMADRules(t *testing.T) {
	for _, split := range []Split{Train, Valid, Test} {
		memory := map[int32]int32{}
		for _, c := range []config.Task{
			mad("mad-recall", nil),
			mad("mad-recall", func(c *config.Task) { c.Vocab, c.SeqLen = 2, 4 }),
			mad("mad-noisy", nil),
			mad("mad-noisy", func(c *config.Task) { c.NoiseFraction = 0.99 }),
			mad("mad-fuzzy", nil),
			mad("mad-fuzzy", func(c *config.Task) { c.SeqLen = 18 }),
			mad("mad-fuzzy", func(c *config.Task) { c.Vocab, c.SeqLen = 128, 1024 }),
			mad("mad-copy", nil),
			mad("mad-copy", func(c *config.Task) { c.CopyTokens, c.SeqLen = 1, 4 }),
			mad("mad-compress", nil),
			mad("mad-memorize", nil),
		} {
			task := must(t, c)
			for index := range uint64(100) {
				tokens, targets := example(task, split, index)
				checkExample(t, c, task, tokens, targets)
				checkMAD(t, c, memory, split, tokens, targets)
			}
		}
		if len(memory) != 127 {
			t.Errorf("%v: %d of 127 keys of the memorized map came up", split, len(memory))
		}
		different := map[int32]bool{}
		for _, v := range memory {
			different[v] = true
		}
		if len(different) != len(memory) {
			t.Errorf("%d keys have %d values", len(memory), len(different))
		}
	}
}

func checkMAD(t testing.TB, c config.Task, memory map[int32]int32, split Split, tokens, targets []int32) {
	t.Helper()
	switch c.Kind {
	case "mad-recall", "mad-noisy":
		checkMADRecall(t, c, split, tokens, targets)
	case "mad-fuzzy":
		checkMADFuzzy(t, c, split, tokens, targets)
	case "mad-copy":
		checkMADCopy(t, c, tokens, targets)
	case "mad-compress":
		checkMADCompress(t, c, tokens, targets)
	case "mad-memorize":
		checkMADMemorize(t, c, memory, tokens, targets)
	}
}

// TestMADMapIsOneForAll compares the memorized map across splits and seeds.
func TestMADMapIsOneForAll(t *testing.T) {
	one := map[int32]int32{}
	for seed := range int64(3) {
		c := mad("mad-memorize", nil)
		task, err := New(c, seed)
		if err != nil {
			t.Fatal(err)
		}
		for _, split := range []Split{Train, Valid, Test} {
			for index := range uint64(50) {
				tokens, targets := example(task, split, index)
				checkMADMemorize(t, c, one, tokens, targets)
			}
		}
	}
}

// TestMADNoiseShare counts noisy slots: all but the sure one and the final pair are
// noise with probability task.noise_fraction.
func TestMADNoiseShare(t *testing.T) {
	for _, fraction := range []float64{0, 0.2, 0.8} {
		c := mad("mad-noisy", func(c *config.Task) { c.NoiseFraction = fraction })
		task, noisy := must(t, c), 0
		const n = 400
		for index := range uint64(n) {
			tokens, targets := example(task, Valid, index)
			noisy += checkMADRecall(t, c, Valid, tokens, targets)
		}
		slots := float64(n * (c.SeqLen/2 - 2))
		if math.Abs(float64(noisy)-slots*fraction) > 5*math.Sqrt(slots*fraction*(1-fraction)) {
			t.Errorf("fraction %v: %d of %v slots are noise", fraction, noisy, slots)
		}
	}
}

// TestMADMotifLengths counts the lengths of new keys and values.
func TestMADMotifLengths(t *testing.T) {
	c := mad("mad-fuzzy", func(c *config.Task) { c.Vocab = 128 })
	task := must(t, c)
	for _, split := range []Split{Train, Test} {
		var keys, values [4]float64
		total := 0.0
		for index := range uint64(600) {
			tokens, targets := example(task, split, index)
			// The first pair: later ones are there only if there was room.
			first := checkMADFuzzy(t, c, split, tokens, targets)[0]
			keys[len([]rune(first[0]))]++
			values[len([]rune(first[1]))]++
			total++
		}
		for length := 1; length <= 3; length++ {
			wantKey := total / 3
			if split != Train {
				wantKey = 0
				if length == c.KeyMax {
					wantKey = total
				}
			}
			if math.Abs(keys[length]-wantKey) > 5*math.Sqrt(total/3) {
				t.Errorf("%v: %v of %v keys have length %d", split, keys[length], total, length)
			}
			if math.Abs(values[length]-total/3) > 5*math.Sqrt(total/3) {
				t.Errorf("%v: %v of %v values have length %d", split, values[length], total, length)
			}
		}
	}
}

// TestMADCopyBlanks counts the blanks before each data token: each is as likely to
// stand before one as before another.
func TestMADCopyBlanks(t *testing.T) {
	c := mad("mad-copy", func(c *config.Task) { c.CopyTokens, c.SeqLen = 4, 29 })
	task := must(t, c)
	var counts [4]float64
	const n = 2000
	for index := range uint64(n) {
		tokens, _ := example(task, Train, index)
		data := 0
		for _, x := range tokens[:c.SeqLen-5] {
			if int(x) == c.Vocab-2 {
				counts[data]++
			} else {
				data++
			}
		}
	}
	for i, got := range counts {
		if want := float64(n * 20 / 4); math.Abs(got-want) > 5*math.Sqrt(want) {
			t.Errorf("%v blanks before data token %d, expected %v", got, i, want)
		}
	}
}

func FuzzMAD(f *testing.F) {
	kinds := []string{"mad-recall", "mad-noisy", "mad-fuzzy", "mad-copy", "mad-compress", "mad-memorize"}
	for i := range kinds {
		f.Add(uint8(i), 128, 32, 16, 0.2, 3, 3, 16, uint8(i), uint64(i))
	}
	f.Add(uint8(2), 18, 16, 0, 0.0, 3, 3, 1, uint8(2), uint64(9))
	f.Fuzz(func(t *testing.T, kind uint8, seqLen, vocab, noise int, fraction float64, keyMax, valueMax, n int, split uint8, index uint64) {
		c := mad(kinds[int(kind)%len(kinds)], func(c *config.Task) {
			c.SeqLen, c.Vocab, c.NoiseTokens, c.NoiseFraction = seqLen, vocab, noise, fraction
			c.KeyMax, c.ValueMax, c.CopyTokens = keyMax, valueMax, n
		})
		task, err := New(c, 1)
		if err != nil || seqLen > 2048 {
			return
		}
		tokens, targets := example(task, Split(split%3), index)
		for i, x := range tokens {
			if x < 0 || int(x) >= vocab || targets[i] != Ignore && (targets[i] < 0 || int(targets[i]) >= vocab) {
				t.Fatalf("token %d, target %d at %d", x, targets[i], i)
			}
		}
		checkMAD(t, c, map[int32]int32{}, Split(split%3), tokens, targets)
	})
}
