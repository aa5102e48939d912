package report

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// strip is one line of a figure that sets variants below each other: the values of
// its runs as dots, a bar over an interval or range, and a mark in its middle.
type strip struct {
	variant        string
	values         []float64
	mid, low, high float64
	paper          float64 // the paper's value; NaN: none
}

// stripFigure draws strips. lines are vertical references.
func stripFigure(f Figure, strips []strip, xLabel string, lines []float64, columns []string) (*Figure, error) {
	if len(strips) == 0 {
		return nil, nil
	}
	p := newPlot(xLabel, "")
	p.X.Tick.Marker = fewTicks{}
	n := len(strips)
	ticks := make(plot.ConstantTicks, n)
	f.table = [][]string{columns}
	lo, hi := math.Inf(1), math.Inf(-1)
	reach := func(v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	for i, s := range strips {
		y := float64(n - 1 - i)
		ticks[i] = plot.Tick{Value: y, Label: s.variant}
		reach(s.mid)
		reach(s.paper)
		for _, v := range s.values {
			reach(v)
		}
	}
	for _, x := range lines {
		reach(x)
	}
	pad := 0.06 * max(hi-lo, 1e-9)
	// An interval of two seeds may be as wide as the page: it is cut there.
	room := 0.6 * max(hi-lo, 1e-9)
	for _, s := range strips {
		reach(max(s.low, lo-room))
		reach(min(s.high, hi+room))
	}
	p.X.Min, p.X.Max = lo-pad, hi+pad
	p.Y.Min, p.Y.Max = -0.6, float64(n)-0.4
	p.Y.Tick.Marker = ticks
	p.Y.Tick.Length = 0
	p.Y.Tick.Label.Color = inkText.color()
	for _, x := range lines {
		if err := vertical(p, x); err != nil {
			return nil, err
		}
	}
	for i, s := range strips {
		y := float64(n - 1 - i)
		k := inkOf(s.variant)
		bar, err := plotter.NewLine(plotter.XYs{{X: max(s.low, p.X.Min), Y: y}, {X: min(s.high, p.X.Max), Y: y}})
		if err != nil {
			return nil, fmt.Errorf("report: %s: %w", f.ID, err)
		}
		bar.Color, bar.Width = k.color(), 2
		p.Add(bar)
		for _, v := range s.values {
			if len(s.values) == 1 {
				break // the large dot says it
			}
			if err := mark(p, v, y-0.22, k.color(), 1.8, draw.CircleGlyph{}); err != nil {
				return nil, err
			}
		}
		if err := mark(p, s.mid, y, k.color(), 4, draw.CircleGlyph{}); err != nil {
			return nil, err
		}
		if !math.IsNaN(s.paper) {
			if err := mark(p, s.paper, y, inkText.color(), 4, draw.RingGlyph{}); err != nil {
				return nil, err
			}
		}
		row := []string{s.variant, number(s.mid), number(s.low), number(s.high), fmt.Sprint(len(s.values))}
		if len(columns) > len(row) {
			text := ""
			if !math.IsNaN(s.paper) {
				text = number(s.paper)
			}
			row = append(row, text)
		}
		f.table = append(f.table, row)
	}
	var err error
	f.SVG, err = svg(p, figureWidth, vg.Length(56+24*n), f.Title)
	return &f, err
}

func mark(p *plot.Plot, x, y float64, c color.Color, radius vg.Length, shape draw.GlyphDrawer) error {
	s, err := plotter.NewScatter(plotter.XYs{{X: x, Y: y}})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	s.GlyphStyle = draw.GlyphStyle{Color: c, Radius: radius, Shape: shape}
	p.Add(s)
	return nil
}

// vertical draws a reference line.
func vertical(p *plot.Plot, x float64) error {
	line, err := plotter.NewLine(plotter.XYs{{X: x, Y: p.Y.Min}, {X: x, Y: p.Y.Max}})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	line.Color, line.Width, line.Dashes = inkSoft.color(), 1, []vg.Length{3, 3}
	p.Add(line)
	return nil
}
