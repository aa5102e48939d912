package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// Heatmap is a table of values in [0, 1], drawn as an SVG file of its own: rows by
// columns, with the value in each cell.
type Heatmap struct {
	Title   string
	Rows    string // what the rows are: "pairs"
	Columns string // what the columns are: "tokens"
	Panels  []HeatPanel
}

// HeatPanel is one table of a Heatmap; panels stand below one another.
type HeatPanel struct {
	Title         string
	Rows, Columns []string
	Values        [][]float64 // by row and column; NaN: there is none
	Marked        [2]int      // row and column of the cell with a frame; -1: none
}

// Sizes in pixels.
const (
	heatCell, heatRow  = 72, 36
	heatLeft, heatHead = 84, 52
	heatGap            = 44
)

// WriteSVG draws the heat map.
func (h Heatmap) WriteSVG(w io.Writer) error {
	width, height := heatLeft+heatGap, heatHead
	for _, p := range h.Panels {
		width = max(width, heatLeft+heatCell*len(p.Columns)+16)
		height += heatGap + heatRow*len(p.Rows) + 12
	}
	width = max(width, 24+8*utf8.RuneCountInString(h.Title))
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="system-ui, sans-serif" font-size="13">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n", escaped(h.Title))
	text(&b, 12, 24, "start", "#1c2024", h.Title)
	text(&b, 12, 42, "start", "#61686f", "rows: "+h.Rows+", columns: "+h.Columns)
	top := heatHead
	for _, p := range h.Panels {
		p.draw(&b, top)
		top += heatGap + heatRow*len(p.Rows) + 12
	}
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func (p HeatPanel) draw(b *bytes.Buffer, top int) {
	text(b, 12, top+18, "start", "#1c2024", p.Title)
	for c, name := range p.Columns {
		text(b, heatLeft+heatCell*c+heatCell/2, top+36, "middle", "#61686f", name)
	}
	top += heatGap
	for r, name := range p.Rows {
		y := top + heatRow*r
		text(b, heatLeft-10, y+heatRow/2+5, "end", "#61686f", name)
		for c := range p.Columns {
			x, v := heatLeft+heatCell*c, p.Values[r][c]
			if math.IsNaN(v) {
				text(b, x+heatCell/2, y+heatRow/2+5, "middle", "#61686f", "–")
				continue
			}
			frame := "#ffffff"
			if p.Marked == [2]int{r, c} {
				frame = "#c8480e"
			}
			fill, ink := heat(v)
			fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s" stroke="%s" stroke-width="2"/>`+"\n", x+1, y+1, heatCell-2, heatRow-2, fill, frame)
			text(b, x+heatCell/2, y+heatRow/2+5, "middle", ink, fmt.Sprintf("%.3f", v))
		}
	}
}

// heat is the colour of a value between pale and dark blue, and that of text on it.
func heat(v float64) (fill, ink string) {
	v = min(1, max(0, v))
	mix := func(from, to int) int { return from + int(math.Round(v*float64(to-from))) }
	ink = "#1c2024"
	if v > 0.7 {
		ink = "#ffffff"
	}
	return fmt.Sprintf("#%02x%02x%02x", mix(0xee, 0x0b), mix(0xf3, 0x4f), mix(0xf8, 0x8a)), ink
}

func text(b *bytes.Buffer, x, y int, anchor, colour, s string) {
	if s != "" {
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, colour, escaped(s))
	}
}

// escaped is text as XML holds it.
func escaped(s string) string {
	var b bytes.Buffer
	// Writing to a buffer cannot fail.
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
