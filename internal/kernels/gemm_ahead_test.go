package kernels

import (
	"testing"
	"unsafe"
)

// calledFor is the lines of data that tiles of k steps call for, with the rows that the row
// panels of g have: what a tileFunc says that it does, as a loop.
func calledFor(g *product, l lines, data []float32, k int) map[int]bool {
	lines, start := map[int]bool{}, uintptr(unsafe.Pointer(&data[0]))
	for i := 0; l.tiles > 0; i = (i + 1) % g.rowPanels {
		rows := g.rows[i+1] - g.rows[i]
		p := l.take(rows, k)
		at := int(uintptr(unsafe.Pointer(p.first))-start) / 4
		for range rows {
			for range k / rows {
				lines[at/line] = true
				at += p.step
			}
			at += p.jump
		}
		for range k % rows {
			lines[at/line] = true
			at += p.step
		}
	}
	return lines
}

// TestTilesCallForWhatLaterTilesRead: with a line a step or less, in each of the three ways nearly every line is called for;
// the last tiles may have fewer rows than the others.
func TestTilesCallForWhatLaterTilesRead(t *testing.T) {
	everyISA(t, func(t *testing.T) {
		const n, k = 96, 500
		for _, m := range []int{5, 61, 168} {
			g := newProduct(NN, m, View{}, false)
			g.columns(View{}, 64)
			g.depth(0, k)
			g.plan()
			for _, width := range []int{16, 40, 160, 400} {
				v := View{Data: Aligned(n * 512), Stride: 512}
				for name, l := range map[string]lines{
					"side by side": inOrder(v.Data, n*v.Stride, k, 100),
					"in rows":      g.inRows(v, n, width, k),
					"in columns":   inColumns(v, width),
				} {
					called, missed, all := calledFor(g, l, v.Data, k), 0, 0
					for i := range n {
						cols := width
						if name == "side by side" {
							cols = v.Stride
						}
						for j := 0; j < cols; j += line {
							if all++; !called[(i*v.Stride+j)/line] {
								missed++
							}
						}
					}
					if missed > all/20 {
						t.Errorf("%d rows in %d panels, %d columns %s: %d of %d lines are not called for", m, g.rowPanels, width, name, missed, all)
					}
				}
			}
			g.release()
		}
	})
}
