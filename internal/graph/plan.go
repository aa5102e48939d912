package graph

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"dsconv/internal/kernels"
)

// plan finds when each buffer of the trace is alive and gives buffers that are
// alive at the same time separate places. It returns the arena's size in
// floats. Placement is greedy by size: the largest buffer first, each at the
// lowest cache line where it collides with nothing placed so far (Pisarchyk & Lee,
// "Efficient Memory Management for Deep Neural Net Inference", 2020).
func (g *Graph) plan() int {
	var all []*buffer
	now := 0
	touch := func(b *buffer, born bool) {
		r := b.root()
		if r.fixed || r.size == 0 && b.size == 0 {
			return
		}
		if len(r.lives) == 0 {
			all = append(all, r)
		}
		if len(r.lives) == 0 || born && r == b {
			r.lives = append(r.lives, life{now, now})
		}
		r.lives[len(r.lives)-1].last = now
		r.size = max(r.size, b.size)
	}
	for _, o := range g.trace {
		for _, o := range append(o.before, o) {
			// What an operator reads is alive before what it makes is born, so
			// that a place read and made anew at once has two lives that meet.
			for _, b := range o.reads {
				touch(b, false)
			}
			touch(o.out, o.owns)
			for _, list := range [][]*buffer{o.writes, o.temp} {
				for _, b := range list {
					touch(b, true)
				}
			}
			now++
		}
	}
	slices.SortStableFunc(all, func(a, b *buffer) int { return b.size - a.size })

	end := 0
	var placed []*buffer
	for _, b := range all {
		size := kernels.RoundToLine(b.size)
		b.offset = 0
		// placed is kept sorted by offset, so one pass finds the first gap.
		for _, p := range placed {
			if !p.meets(b) {
				continue
			}
			if b.offset+size <= p.offset {
				break
			}
			b.offset = max(b.offset, kernels.RoundToLine(p.offset+p.size))
		}
		at, _ := slices.BinarySearchFunc(placed, b, func(p, b *buffer) int { return p.offset - b.offset })
		placed = slices.Insert(placed, at, b)
		end = max(end, b.offset+size)
	}
	return end
}

// life is a span of the schedule in which a buffer must keep its contents.
type life struct{ first, last int }

// meets says whether two buffers are alive at the same time.
func (b *buffer) meets(c *buffer) bool {
	for _, x := range b.lives {
		for _, y := range c.lives {
			if x.first <= y.last && y.first <= x.last {
				return true
			}
		}
	}
	return false
}

// place gives every buffer of the trace its memory and its Gorgonia value.
func (g *Graph) place(arena []float32) {
	for _, o := range g.trace {
		for _, list := range [][]*buffer{{o.out}, o.writes, o.temp} {
			for _, b := range list {
				if r := b.root(); !r.fixed && b.size > 0 {
					b.data = arena[r.offset : r.offset+b.size : r.offset+b.size]
				}
			}
		}
		if o.size.IsScalar() || o.out.size == 0 {
			o.out.value = placeholder // a gradient in bfloat16, which no operator reads
		} else if o.out.value == nil {
			o.out.value = value(o.size, o.out.data)
		}
	}
}

// value shows Gorgonia a matrix in memory. What lies beyond the columns of padded rows
// is not part of it.
func value(size tensor.Shape, data []float32) gorgonia.Value {
	rows, stride := size[0], len(data)/size[0]
	whole := tensor.New(tensor.WithShape(rows, stride), tensor.WithBacking(data))
	if stride == size[1] {
		return whole
	}
	part, err := whole.Slice(nil, tensor.S(0, size[1]))
	if err != nil {
		panic(err) // caught by Compile
	}
	return part.(*tensor.Dense)
}
