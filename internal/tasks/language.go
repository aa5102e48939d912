package tasks

import (
	"fmt"
	"sync"

	"dsconv/internal/config"
	"dsconv/internal/rng"
)

// language is a synthetic language, a definition of ours. An example is a document:
//
//	tokens   w1 w2 n1 n2 w3 w4 w5 n1 n2 n3 w6 ..     targets: the next token, everywhere
//
// The last eighth of the vocabulary, 2 tokens at least, are the pieces that names are
// made of, all before it words. The language is the same for every seed; a seed draws other documents.
//
// A document has one of task.topics topics, all equally likely. After a word, a name
// follows with probability task.name_rate, and a word otherwise; a document begins
// with a word, and a word follows every name.
//
// A word is
//   - with probability task.grammar one of 8 followers, of weights 1, 1/2 .. 1/8, of
//     the word before and the class of the one before that (of task.classes classes):
//     what a word leads to depends on its neighbour, as in "the old can opener" and
//     "the old can swim". A name counts as one word for this, and so does the start;
//   - with probability task.topic_share a word of the topic: Zipf's law over an order
//     of the words that the topic has for itself;
//   - otherwise a word of the language: Zipf's law (exponent task.zipf) over all words.
//
// Followers are drawn by Zipf's law themselves, so that frequent words stay frequent.
//
// A name is, with probability task.name_repeat, a copy of an earlier mention in the
// document, all equally likely; otherwise, and where there is none, a new one: its
// length uniform in 2..task.name_max, its pieces by Zipf's law. Names often share
// pieces, so one has to look several tokens back to know which name goes on how.
//
// The generator's own conditional probabilities are exact (language_oracle.go).
type language struct {
	base
	c      config.Task
	words  int32 // tokens below it are words, from it on pieces
	word   *zipf
	piece  *zipf
	topics []topic
	pool   sync.Pool
}

// Words that stand for what is none, in the grammar's context.
const (
	contextName = iota // of words + it
	contextStart
)

// topic orders the words: rank r is word (multiply*r + add) mod words.
type topic struct{ multiply, add, inverse int64 }

// followerWeights are 840/1 .. 840/8.
var followerWeights = [8]uint64{840, 420, 280, 210, 168, 140, 120, 105}

const followerTotal = 2283

type languageScratch struct {
	src, lookup rng.Source
	document    []int32 // T+1 tokens
	mentions    []mention
	filter      *languageFilter
}

// mention is a name in a document: tokens [start, start+length).
type mention struct{ start, length, name int32 }

func newLanguage(b base, c config.Task) *language {
	l := &language{base: b, c: c}
	pieces := max(2, c.Vocab/8)
	l.words = int32(c.Vocab - pieces)
	l.word, l.piece = newZipf(int(l.words), c.Zipf), newZipf(pieces, c.Zipf)
	src := rng.New(0, b.label, rng.Label("topics"))
	for range c.Topics {
		l.topics = append(l.topics, newTopic(src, int64(l.words)))
	}
	l.pool.New = func() any {
		return &languageScratch{document: make([]int32, c.SeqLen+1), filter: newLanguageFilter(l)}
	}
	return l
}

// newTopic draws an order of n words.
func newTopic(src *rng.Source, n int64) topic {
	for {
		t := topic{multiply: 1 + int64(src.IntN(int(n))), add: int64(src.IntN(int(n)))}
		if inverse, ok := inverseMod(t.multiply%n, n); ok {
			t.inverse = inverse
			return t
		}
	}
}

// inverseMod is the inverse of a modulo n, by Euclid's algorithm, if there is one.
func inverseMod(a, n int64) (int64, bool) {
	r0, r1, x0, x1 := n, a, int64(0), int64(1)
	for r1 != 0 {
		q := r0 / r1
		r0, r1, x0, x1 = r1, r0-q*r1, x1, x0-q*x1
	}
	return (x0%n + n) % n, r0 == 1
}

// rank is the place of a word in a topic's order, and wordAt its inverse.
func (t topic) rank(word, n int32) int32 {
	return int32(((int64(word) - t.add + int64(n)) * t.inverse) % int64(n))
}

func (t topic) wordAt(rank, n int32) int32 {
	return int32((t.multiply*int64(rank) + t.add) % int64(n))
}

// class is the class of a word, or of what stands for one.
func (l *language) class(src *rng.Source, word int32) uint64 {
	src.Reset(0, l.label, 1, uint64(word))
	return src.Uint64N(uint64(l.c.Classes))
}

// follower is number i of the words that follow w1 after a word of the given class.
func (l *language) follower(src *rng.Source, class uint64, w1 int32, i int) int32 {
	src.Reset(0, l.label, 2, class, uint64(w1), uint64(i))
	return l.word.draw(src)
}

func (l *language) Example(split Split, index uint64, tokens, targets []int32) {
	s := l.pool.Get().(*languageScratch)
	defer l.pool.Put(s)
	l.generate(s, split, index, nil)
	copy(tokens, s.document)
	copy(targets, s.document[1:])
}

// generate writes a document into the scratch.
func (l *language) generate(s *languageScratch, split Split, index uint64, parts []string) {
	src := &s.src
	l.stream(src, split, index)
	s.mentions = s.mentions[:0]
	names := int32(0)
	topic := l.topics[src.IntN(len(l.topics))]
	w2, w1 := l.words+contextStart, l.words+contextStart
	for at := 0; at < len(s.document); {
		if w1 < l.words && src.Float64() < l.c.NameRate {
			m := l.drawName(s, at, &names)
			for i := at; parts != nil && i < min(at+int(m.length), len(parts)); i++ {
				parts[i] = fmt.Sprintf("n%d", m.name)
			}
			at += int(m.length)
			w2, w1 = w1, l.words+contextName
			continue
		}
		word, part := l.drawWord(s, topic, w2, w1)
		s.document[at] = word
		if at < len(parts) {
			parts[at] = part
		}
		at++
		w2, w1 = w1, word
	}
}

// drawName writes a name from position at on, as much of it as there is room for.
func (l *language) drawName(s *languageScratch, at int, names *int32) mention {
	var m mention
	if n := len(s.mentions); n > 0 && s.src.Float64() < l.c.NameRepeat {
		m = s.mentions[s.src.IntN(n)]
		copy(s.document[at:], s.document[m.start:m.start+m.length])
	} else {
		*names++
		m = mention{length: int32(2 + s.src.IntN(l.c.NameMax-1)), name: *names}
		for i := range int(m.length) {
			if piece := l.words + l.piece.draw(&s.src); at+i < len(s.document) {
				s.document[at+i] = piece
			}
		}
	}
	m.start = int32(at)
	s.mentions = append(s.mentions, m)
	return m
}

// drawWord draws a word and says where it comes from.
func (l *language) drawWord(s *languageScratch, t topic, w2, w1 int32) (int32, string) {
	switch u := s.src.Float64(); {
	case u < l.c.Grammar:
		i := 0
		for x := s.src.Uint64N(followerTotal); x >= followerWeights[i]; i++ {
			x -= followerWeights[i]
		}
		return l.follower(&s.lookup, l.class(&s.lookup, w2), w1, i), "g"
	case u < l.c.Grammar+l.c.TopicShare:
		return t.wordAt(l.word.draw(&s.src), l.words), "t"
	}
	return l.word.draw(&s.src), "w"
}

func (l *language) annotate(split Split, index uint64, tokens, targets []int32, parts []string) string {
	s := l.pool.Get().(*languageScratch)
	defer l.pool.Put(s)
	l.generate(s, split, index, parts)
	copy(tokens, s.document)
	copy(targets, s.document[1:])
	return fmt.Sprintf("g: word that follows from the two before; t: of the topic; w: of the language; n1: name 1 of the document\ntokens 0 to %d are words, %d to %d pieces of names; each label is the next token", l.words-1, l.words, l.vocab-1)
}
