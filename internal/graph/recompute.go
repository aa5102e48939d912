package graph

// Block marks the operators that body adds as one block of the model. When
// Recompute is set, nothing that a block makes outlives its forward pass but
// what later blocks read: the block's operators run once more, giving the same
// bits, before the first operator of the backward pass that needs them. The last Keep
// blocks keep what they make: their backward passes come first, so that this costs
// least time for its memory; one of them costs hardly any.
func (g *Graph) Block(body func()) {
	g.blocks++
	g.block = g.blocks
	body()
	g.block = 0
}

// scheduleReplays decides which operators of each block run again, and when.
// It needs the trace, and is the planner's business after that: a buffer that
// is made twice has two lives, between which its place is free.
func (g *Graph) scheduleReplays() {
	blocks := make([][]*op, g.blocks+1)
	for _, o := range g.trace {
		blocks[o.block] = append(blocks[o.block], o)
	}
	for n, block := range blocks {
		if n == 0 || n > g.blocks-g.Keep || len(block) == 0 {
			continue
		}
		made, kept, needed := set{}, set{}, set{}
		for _, o := range block {
			o.eachMade(made.add)
		}
		for _, o := range g.trace {
			if !o.backward && o.block != n {
				o.eachRead(kept.add)
			}
		}
		first := -1
		for i, o := range g.trace {
			if !o.backward {
				continue
			}
			o.eachRead(func(b *buffer) {
				if made.has(b) && !kept.has(b) {
					needed.add(b)
					if first < 0 {
						first = i
					}
				}
			})
		}
		if first < 0 {
			continue
		}
		// From the last operator to the first: what makes a needed buffer is
		// needed, and so is what that reads.
		var again []*op
		for i := len(block) - 1; i >= 0; i-- {
			o, makes := block[i], false
			o.eachMade(func(b *buffer) { makes = makes || needed.has(b) })
			if makes {
				again = append(again, o)
				o.eachRead(func(b *buffer) {
					if made.has(b) && !kept.has(b) {
						needed.add(b)
					}
				})
			}
		}
		for i := len(again) - 1; i >= 0; i-- {
			g.trace[first].before = append(g.trace[first].before, again[i])
		}
	}
}

// set is a set of places: buffers that share one count as one.
type set map[*buffer]bool

func (s set) add(b *buffer)      { s[b.root()] = true }
func (s set) has(b *buffer) bool { return s[b.root()] }

// eachRead calls f for every planned buffer that o reads.
func (o *op) eachRead(f func(*buffer)) {
	for _, b := range o.reads {
		if !b.root().fixed {
			f(b)
		}
	}
}

// eachMade calls f for every planned buffer that o writes and others may read.
func (o *op) eachMade(f func(*buffer)) {
	for _, b := range append([]*buffer{o.out}, o.writes...) {
		if !b.root().fixed {
			f(b)
		}
	}
}
