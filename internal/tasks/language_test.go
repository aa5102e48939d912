package tasks

import (
	"fmt"
	"math"
	"testing"

	"dsconv/internal/config"
)

// tiny is a language small enough to enumerate: 6 words, 2 pieces.
func tiny(change func(*config.Task)) config.Task {
	return a("language", func(c *config.Task) {
		c.Vocab, c.SeqLen, c.Classes, c.Topics, c.TopicShare, c.NameRate, c.NameMax = 8, 12, 2, 3, 0.3, 0.5, 3
		if change != nil {
			change(c)
		}
	})
}

var tinyLanguages = map[string]config.Task{
	"usual":       tiny(nil),
	"no grammar":  tiny(func(c *config.Task) { c.Grammar = 0 }),
	"all grammar": tiny(func(c *config.Task) { c.Grammar, c.TopicShare = 0.7, 0.3 }),
	"no names":    tiny(func(c *config.Task) { c.NameRate = 0 }),
	"all names":   tiny(func(c *config.Task) { c.NameRate, c.NameRepeat, c.NameMax = 1, 1, 4 }),
	"new names":   tiny(func(c *config.Task) { c.NameRepeat = 0 }),
	"one topic":   tiny(func(c *config.Task) { c.Topics, c.Zipf = 1, 0 }),
}

// enumerate is the probability that a document begins with the given tokens: the sum
// over every topic, source of every word, and derivation of every name. It follows
// the comment of language step by step and shares nothing with languageFilter.
func enumerate(l *language, tokens []int32) float64 {
	var derive func(at int, t topic, w2, w1 int32, mentions [][]int32) float64
	derive = func(at int, t topic, w2, w1 int32, mentions [][]int32) float64 {
		if at == len(tokens) {
			return 1
		}
		name := func(pieces []int32) float64 {
			return derive(at+len(pieces), t, w1, l.words+contextName, append(mentions[:len(mentions):len(mentions)], pieces))
		}
		sum, wordRate := 0.0, 1.0
		if w1 < l.words {
			wordRate = 1 - l.c.NameRate
			fresh := 1.0
			if len(mentions) > 0 {
				fresh = 1 - l.c.NameRepeat
			}
			for length := 2; length <= l.c.NameMax; length++ {
				p := l.c.NameRate * fresh / float64(l.c.NameMax-1)
				end := min(at+length, len(tokens))
				for _, x := range tokens[at:end] {
					if x < l.words {
						p = 0
						break
					}
					p *= l.piece.p(x - l.words)
				}
				if p > 0 {
					sum += p * name(tokens[at:end])
				}
			}
			for _, m := range mentions {
				end := min(at+len(m), len(tokens))
				if fmt.Sprint(m[:end-at]) == fmt.Sprint(tokens[at:end]) {
					sum += l.c.NameRate * l.c.NameRepeat / float64(len(mentions)) * name(tokens[at:end])
				}
			}
		}
		x := tokens[at]
		if x >= l.words {
			return sum
		}
		rest := derive(at+1, t, w1, x, mentions)
		s := l.pool.New().(*languageScratch)
		for i, weight := range followerWeights {
			if l.follower(&s.lookup, l.class(&s.lookup, w2), w1, i) == x {
				sum += wordRate * l.c.Grammar * float64(weight) / followerTotal * rest
			}
		}
		for rank := range l.words {
			if t.wordAt(rank, l.words) == x {
				sum += wordRate * l.c.TopicShare * l.word.p(rank) * rest
			}
		}
		return sum + wordRate*(1-l.c.Grammar-l.c.TopicShare)*l.word.p(x)*rest
	}
	total := 0.0
	for _, t := range l.topics {
		total += derive(0, t, l.words+contextStart, l.words+contextStart, nil) / float64(len(l.topics))
	}
	return total
}

// TestOracleAgreesWithEnumeration compares p(next | before), for every next token at
// every position, with the ratio of two enumerated probabilities; and the loss.
func TestOracleAgreesWithEnumeration(t *testing.T) {
	for name, c := range tinyLanguages {
		t.Run(name, func(t *testing.T) {
			l := must(t, c).(*language)
			f := newLanguageFilter(l)
			for index := range uint64(6) {
				tokens, targets := example(l, Train, index)
				document := append(tokens[:1:1], targets...)
				f.reset()
				loss := 0.0
				for at := range document {
					before := enumerate(l, document[:at])
					total := 0.0
					for x := range int32(c.Vocab) {
						want := enumerate(l, append(document[:at:at], x)) / before
						got := f.p(x)
						if math.Abs(got-want) > 1e-12 {
							t.Fatalf("example %d, p(%d | %v) = %v, enumeration gives %v", index, x, document[:at], got, want)
						}
						total += got
						if at > 0 && x == document[at] {
							loss -= math.Log(want)
						}
					}
					if math.Abs(total-1) > 1e-12 {
						t.Fatalf("example %d: probabilities after %v add up to %v", index, document[:at], total)
					}
					f.observe(document[at])
				}
				got, labelled := l.OracleLoss(Train, index)
				if labelled != c.SeqLen || math.Abs(got-loss/float64(c.SeqLen)) > 1e-12 {
					t.Errorf("example %d: oracle loss %v over %d labels, enumeration gives %v", index, got, labelled, loss/float64(c.SeqLen))
				}
			}
		})
	}
}

// TestSamplerFollowsOracle draws short documents and compares how often each came
// with its probability. All documents are enumerated, so the probabilities must add up
// to 1 as well.
func TestSamplerFollowsOracle(t *testing.T) {
	const draws = 100000
	l := must(t, tiny(func(c *config.Task) { c.SeqLen = 3 })).(*language)
	counts := map[[4]int32]int{}
	for index := range uint64(draws) {
		tokens, targets := example(l, Train, index)
		counts[[4]int32{tokens[0], tokens[1], tokens[2], targets[2]}]++
	}
	total := 0.0
	for code := range int32(8 * 8 * 8 * 8) {
		d := [4]int32{code >> 9, code >> 6 & 7, code >> 3 & 7, code & 7}
		p := enumerate(l, d[:])
		total += p
		if got := float64(counts[d]); math.Abs(got-draws*p) > 5*math.Sqrt(draws*p)+5 {
			t.Errorf("document %v came %v times, expected %.1f", d, got, draws*p)
		}
	}
	if math.Abs(total-1) > 1e-12 {
		t.Errorf("the probabilities of all documents add up to %v", total)
	}
}

// TestOracleIsCalibrated follows long documents: over many positions, an event that
// the oracle gives probability p must come as often as the p add up to.
func TestOracleIsCalibrated(t *testing.T) {
	l := must(t, a("language", func(c *config.Task) { c.SeqLen, c.NameRate = 256, 0.3 })).(*language)
	f := newLanguageFilter(l)
	names := []string{"a word", "word 0", "the first piece", "the likeliest piece"}
	var got, want, variance [4]float64
	for index := range uint64(200) {
		tokens, _ := example(l, Valid, index)
		f.reset()
		for _, x := range tokens {
			best, bestP := int32(0), -1.0
			for y := l.words; int(y) < l.vocab; y++ {
				if p := f.p(y); p > bestP {
					best, bestP = y, p
				}
			}
			for i, e := range []struct {
				p  float64
				is bool
			}{{f.endP(), x < l.words}, {f.p(0), x == 0}, {f.p(l.words), x == l.words}, {bestP, x == best}} {
				if e.is {
					got[i]++
				}
				want[i] += e.p
				variance[i] += e.p * (1 - e.p)
			}
			f.observe(x)
		}
	}
	for i, name := range names {
		if math.Abs(got[i]-want[i]) > 5*math.Sqrt(variance[i]) {
			t.Errorf("%s came %v times, the oracle expected %.1f ± %.1f", name, got[i], want[i], math.Sqrt(variance[i]))
		}
	}
}

// TestNothingBeatsTheOracle pits it against predictors that know less or believe
// otherwise: each must lose on average, by more than 5 standard errors.
func TestNothingBeatsTheOracle(t *testing.T) {
	truth := a("language", func(c *config.Task) { c.SeqLen = 128 })
	l := must(t, truth).(*language)
	rivals := map[string]*languageFilter{}
	for name, change := range map[string]func(*config.Task){
		"less grammar":  func(c *config.Task) { c.Grammar = 0.3 },
		"more grammar":  func(c *config.Task) { c.Grammar = 0.7 },
		"no topics":     func(c *config.Task) { c.TopicShare = 0 },
		"fewer names":   func(c *config.Task) { c.NameRate = 0.1 },
		"rarer repeats": func(c *config.Task) { c.NameRepeat = 0.5 },
		"longer names":  func(c *config.Task) { c.NameMax = 6 },
		"flatter":       func(c *config.Task) { c.Zipf = 0.8 },
	} {
		c := truth
		change(&c)
		rivals[name] = newLanguageFilter(must(t, c).(*language))
	}
	oracle := newLanguageFilter(l)
	for name, rival := range rivals {
		const n = 300
		var sum, square float64
		for index := range uint64(n) {
			tokens, _ := example(l, Test, index)
			oracle.reset()
			rival.reset()
			margin := 0.0
			for _, x := range tokens {
				margin += math.Log(oracle.p(x) / rival.p(x))
				oracle.observe(x)
				rival.observe(x)
			}
			sum += margin
			square += margin * margin
		}
		mean := sum / n
		if se := math.Sqrt((square/n - mean*mean) / n); mean < 5*se {
			t.Errorf("%s: loses by %v ± %v nats a document", name, mean, se)
		}
	}
}

// TestLanguageRules checks what the comment of language promises about every document.
func TestLanguageRules(t *testing.T) {
	l := must(t, a("language", func(c *config.Task) { c.SeqLen, c.NameRate, c.NameMax = 200, 0.4, 5 })).(*language)
	repeated := 0
	for index := range uint64(100) {
		tokens, targets := example(l, Train, index)
		for i := range tokens[1:] {
			if targets[i] != tokens[i+1] {
				t.Fatalf("label at %d is not the next token", i)
			}
		}
		if tokens[0] >= l.words {
			t.Fatal("a document begins with a name")
		}
		seen := map[string]bool{}
		run := 0
		for i, x := range tokens {
			if x >= l.words {
				run++
				continue
			}
			if run > 0 {
				if run < 2 || run > l.c.NameMax {
					t.Fatalf("a name of %d pieces", run)
				}
				name := fmt.Sprint(tokens[i-run : i])
				if seen[name] {
					repeated++
				}
				seen[name] = true
			}
			run = 0
		}
	}
	if repeated < 1000 {
		t.Errorf("only %d names in 100 documents came before", repeated)
	}
}

func TestTopicsAreOrdersOfTheWords(t *testing.T) {
	for _, vocab := range []int{8, 97, 256, 100352} {
		l := must(t, a("language", func(c *config.Task) { c.Vocab, c.Topics = vocab, 8 })).(*language)
		for z, topic := range l.topics {
			for rank := int32(0); rank < l.words; rank += 1 + l.words/1000 {
				word := topic.wordAt(rank, l.words)
				if word < 0 || word >= l.words || topic.rank(word, l.words) != rank {
					t.Fatalf("vocab %d, topic %d: rank %d is word %d, which has rank %d", vocab, z, rank, word, topic.rank(word, l.words))
				}
			}
		}
	}
}

func FuzzLanguage(f *testing.F) {
	f.Add(64, 256, 1.0, 4, 0.5, 4, 0.2, 0.15, 0.75, 4, uint64(0))
	f.Add(30, 8, 0.0, 1, 1.0, 1, 0.0, 1.0, 1.0, 16, uint64(1))
	f.Add(9, 100, 4.0, 7, 0.0, 3, 1.0, 0.5, 0.0, 2, uint64(2))
	f.Fuzz(func(t *testing.T, seqLen, vocab int, zipf float64, classes int, grammar float64, topics int, topicShare, nameRate, nameRepeat float64, nameMax int, index uint64) {
		c := a("language", func(c *config.Task) {
			c.SeqLen, c.Vocab, c.Zipf, c.Classes, c.Grammar, c.Topics = seqLen, vocab, zipf, classes, grammar, topics
			c.TopicShare, c.NameRate, c.NameRepeat, c.NameMax = topicShare, nameRate, nameRepeat, nameMax
		})
		if seqLen > 1024 || vocab > 2000 {
			return
		}
		task, err := New(c, 1)
		if err != nil {
			return
		}
		tokens, targets := example(task, Test, index)
		checkExample(t, c, task, tokens, targets)
		if loss, n := task.(Oracle).OracleLoss(Test, index); n != seqLen || math.IsNaN(loss) || math.IsInf(loss, 0) || loss < -1e-9 {
			t.Fatalf("oracle loss %v over %d labels", loss, n)
		}
	})
}

// BenchmarkOracle reports labels a second.
func BenchmarkOracle(b *testing.B) {
	l := must(b, a("language", func(c *config.Task) { c.SeqLen = 512 })).(*language)
	index := uint64(0)
	for b.Loop() {
		l.OracleLoss(Valid, index)
		index++
	}
	b.ReportMetric(float64(index)*512/b.Elapsed().Seconds(), "tokens/s")
}
