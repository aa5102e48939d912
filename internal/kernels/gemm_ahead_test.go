package kernels

import (
	"testing"
	"unsafe"
)

// calledFor is, for each tile of k steps in such groups, how many lines of data it is the first to
// call for, by what a tileFunc says that it does, as a loop; and which lines all of them call for.
func calledFor(l lines, data []float32, k, group int) (each []int, called map[int]bool) {
	called = map[int]bool{}
	start := uintptr(unsafe.Pointer(&data[0]))
	for l.tiles > 0 {
		p, before := l.take(k, group), len(called)
		at := int(uintptr(unsafe.Pointer(p.first))-start) / 4
		for i := range k {
			called[at/line] = true
			if at += p.step; (i+1)%group == 0 {
				at += p.jump
			}
		}
		each = append(each, len(called)-before)
	}
	return each, called
}

// TestTilesCallForWhatLaterTilesRead: all lines are called for, by no more tiles than there are, and by
// none for more than twice its share or a row a group of steps; a line a step if tiles are too few.
func TestTilesCallForWhatLaterTilesRead(t *testing.T) {
	const n, k = 96, 500
	for _, c := range []struct {
		width, tiles int
		order        string
	}{
		{512, 100, "side by side"}, {512, 7, "side by side"},
		{32, 2, "in rows"}, {32, 10, "in rows"}, {32, 50, "in rows"}, {160, 24, "in rows"}, {400, 8, "in rows"}, {400, 26, "in rows"}, {400, 60, "in rows"},
		{400, 1, "in columns"},
	} {
		v := View{Data: Aligned(n * 512), Stride: 512}
		h := ahead{k: k, group: k / 14}
		h.shortenFor(n, c.tiles)
		l := inOrder(v.Data, n*v.Stride, k, c.tiles)
		if c.order != "side by side" {
			l = h.inRows(v, n, c.width, c.tiles)
		}
		if columns := l.rows == 0 && l.step == v.Stride; columns != (c.order == "in columns") {
			t.Errorf("%+v: by columns: %v", c, columns)
		}
		each, called := calledFor(l, v.Data, k, h.group)
		if len(each) > max(c.tiles, c.width/line) {
			t.Errorf("%+v: %d tiles call for it", c, len(each))
		}
		all := 0 // lines
		for i := range n {
			for j := 0; j < c.width; j += line {
				if all++; !called[(i*v.Stride+j)/line] {
					t.Fatalf("%+v: row %d, column %d is not called for", c, i, j)
				}
			}
		}
		for i, lines := range each {
			if aRow := c.width/line + 1; lines > max(2*all/c.tiles, aRow*(k/h.group+1)) {
				t.Errorf("%+v: tile %d of %d calls for %d of %d lines", c, i, len(each), lines, all)
			}
		}
	}
}
