package tasks

import (
	"math"

	"dsconv/internal/rng"
)

// OracleLoss is the mean of -log p(next token | all before) in nats: no model that
// sees the same tokens has a smaller loss on average.
func (l *language) OracleLoss(split Split, index uint64) (nats float64, labelled int) {
	s := l.pool.Get().(*languageScratch)
	defer l.pool.Put(s)
	l.generate(s, split, index, nil)
	f := s.filter
	f.reset()
	f.observe(s.document[0])
	for _, next := range s.document[1:] {
		nats -= math.Log(f.p(next))
		f.observe(next)
	}
	labelled = len(s.document) - 1
	return nats / float64(labelled), labelled
}

// languageFilter follows a document and knows p(next token | all before), summed over
// everything that the tokens do not show: the topic, where each word comes from,
// whether a name is new or repeats which mention, and how long it is.
//
// What is hidden stays small. The topic is a posterior over a few. Names stand between
// words, so once a word follows, the name is known, and how it came about no longer
// matters; within a name the hypotheses are "new, of length n" for every n, and one
// for each earlier mention that agrees so far.
type languageFilter struct {
	l         *language
	lookup    rng.Source
	posterior []float64 // of the topics
	byTopic   []float64 // p(word | topic), of the last call of wordP
	w2, w1    int32     // the last two words, a name counting as one
	document  []int32
	mentions  []mention

	// Within a name:
	seen    int     // its pieces so far; 0: the last token is a word
	fresh   float64 // probability of a new name that starts so, times that of being new
	matches []mention
	repeat  float64 // probability of each match
}

func newLanguageFilter(l *language) *languageFilter {
	return &languageFilter{l: l, posterior: make([]float64, len(l.topics)), byTopic: make([]float64, len(l.topics))}
}

// reset forgets the document.
func (f *languageFilter) reset() {
	for i := range f.posterior {
		f.posterior[i] = 1 / float64(len(f.posterior))
	}
	f.w2, f.w1 = f.l.words+contextStart, f.l.words+contextStart
	f.document, f.mentions, f.seen = f.document[:0], f.mentions[:0], 0
}

// p is the probability that the next token is x.
func (f *languageFilter) p(x int32) float64 {
	if x < f.l.words {
		return f.endP() * f.wordP(x)
	}
	return f.pieceP(x)
}

// endP is the probability that the next token is a word.
func (f *languageFilter) endP() float64 {
	switch {
	case f.seen > 0:
		total, ends := f.masses()
		return ends / total
	case f.w1 < f.l.words:
		return 1 - f.l.c.NameRate
	}
	return 1
}

// newLengths is the share of new names with at least n pieces, and exactly n.
func (f *languageFilter) newLengths(n int) (atLeast, exactly float64) {
	lengths := float64(f.l.c.NameMax - 1)
	if n < 2 {
		return 1, 0
	}
	if n > f.l.c.NameMax {
		return 0, 0
	}
	return float64(f.l.c.NameMax-n+1) / lengths, 1 / lengths
}

// masses is the probability of the name's pieces so far, and of them being all.
func (f *languageFilter) masses() (total, ends float64) {
	atLeast, exactly := f.newLengths(f.seen)
	total, ends = f.fresh*atLeast, f.fresh*exactly
	for _, m := range f.matches {
		total += f.repeat
		if int(m.length) == f.seen {
			ends += f.repeat
		}
	}
	return total, ends
}

// pieceP is the probability that the next token is the piece x.
func (f *languageFilter) pieceP(x int32) float64 {
	q := f.l.piece.p(x - f.l.words)
	if f.seen > 0 {
		total, _ := f.masses()
		longer, _ := f.newLengths(f.seen + 1)
		mass := f.fresh * longer * q
		for _, m := range f.matches {
			if int(m.length) > f.seen && f.document[int(m.start)+f.seen] == x {
				mass += f.repeat
			}
		}
		return mass / total
	}
	if f.w1 >= f.l.words {
		return 0
	}
	fresh, repeat := f.nameP()
	mass := fresh * q
	for _, m := range f.mentions {
		if f.document[m.start] == x {
			mass += repeat
		}
	}
	return f.l.c.NameRate * mass
}

// nameP is the probability that a name is new, and that it repeats a given mention.
func (f *languageFilter) nameP() (fresh, repeat float64) {
	if len(f.mentions) == 0 {
		return 1, 0
	}
	return 1 - f.l.c.NameRepeat, f.l.c.NameRepeat / float64(len(f.mentions))
}

// wordP is the probability that the next token is the word x, if it is a word.
func (f *languageFilter) wordP(x int32) float64 {
	l, src := f.l, &f.lookup
	w2, w1 := f.w2, f.w1
	if f.seen > 0 {
		w2, w1 = f.w1, l.words+contextName
	}
	follows := uint64(0)
	if l.c.Grammar > 0 {
		class := l.class(src, w2)
		for i, weight := range followerWeights {
			if l.follower(src, class, w1, i) == x {
				follows += weight
			}
		}
	}
	shared := l.c.Grammar*float64(follows)/followerTotal + max(0, 1-(l.c.Grammar+l.c.TopicShare))*l.word.p(x)
	sum := 0.0
	for z, t := range l.topics {
		f.byTopic[z] = shared + l.c.TopicShare*l.word.p(t.rank(x, l.words))
		sum += f.posterior[z] * f.byTopic[z]
	}
	return sum
}

// observe takes the next token in. It must be possible.
func (f *languageFilter) observe(x int32) {
	if x < f.l.words {
		total := f.wordP(x)
		for z := range f.posterior {
			f.posterior[z] *= f.byTopic[z] / total
		}
		if f.seen > 0 {
			f.mentions = append(f.mentions, mention{start: int32(len(f.document) - f.seen), length: int32(f.seen)})
			f.seen, f.w1 = 0, f.l.words+contextName
		}
		f.w2, f.w1 = f.w1, x
		f.document = append(f.document, x)
		return
	}
	before := f.matches
	if f.seen == 0 {
		f.fresh, f.repeat = f.nameP()
		before = f.mentions
	}
	f.fresh *= f.l.piece.p(x - f.l.words)
	kept := f.matches[:0]
	for _, m := range before {
		if int(m.length) > f.seen && f.document[int(m.start)+f.seen] == x {
			kept = append(kept, m)
		}
	}
	f.matches = kept
	f.seen++
	f.document = append(f.document, x)
}
