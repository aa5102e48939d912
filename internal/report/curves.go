package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"dsconv/internal/stats"
)

// curvePoints is how many points of a curve are drawn, and panelPoints of one in a
// small drawing.
const (
	curvePoints = 80
	panelPoints = 40
)

// curve is one variant's median over seeds, with its range.
type curve struct {
	variant          string
	seeds            int
	x, mid, min, max []float64
}

// curvesOf bins the steps of runs and takes, in each bin, every run's mean and then
// the median over runs. A run that stopped early because it had reached its target
// keeps its last value.
func curvesOf(runs []*Run, points int, of func(Sample) float64) []curve {
	steps := 0
	for _, r := range runs {
		steps = max(steps, r.Last().Step)
	}
	width := max(1, (steps+points-1)/points)
	var out []curve
	for _, v := range variantsOf(runs) {
		mine := pick(runs, "", v)
		c := curve{variant: v, seeds: len(mine)}
		binned := make([][]float64, len(mine))
		for i, r := range mine {
			binned[i] = bins(r, width, steps, of)
		}
		for b := range (steps + width - 1) / width {
			var at []float64
			for i := range mine {
				if x := binned[i][b]; !math.IsNaN(x) {
					at = append(at, x)
				}
			}
			if len(at) == 0 {
				continue
			}
			s := stats.SpreadOf(at)
			c.x = append(c.x, math.Min(float64((b+1)*width), float64(steps)))
			c.mid, c.min, c.max = append(c.mid, s.Median), append(c.min, s.Min), append(c.max, s.Max)
		}
		if len(c.x) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// after leaves out a share of the curve's beginning.
func (c curve) after(share float64) curve {
	i := 0
	for i < len(c.x)-1 && c.x[i] < share*c.x[len(c.x)-1] {
		i++
	}
	c.x, c.mid, c.min, c.max = c.x[i:], c.mid[i:], c.min[i:], c.max[i:]
	return c
}

// bins are the means of a run over width steps; NaN where nothing was measured.
func bins(r *Run, width, steps int, of func(Sample) float64) []float64 {
	n := (steps + width - 1) / width
	sum, count := make([]float64, n), make([]int, n)
	for _, s := range r.Curve {
		if x := of(s); !math.IsNaN(x) && s.Step >= 1 {
			b := (s.Step - 1) / width
			sum[b] += x
			count[b]++
		}
	}
	out, last := make([]float64, n), math.NaN()
	for b := range out {
		switch {
		case count[b] > 0:
			last = sum[b] / float64(count[b])
			out[b] = last
		case b*width >= r.Last().Step: // after its end
			out[b] = last
		default:
			out[b] = math.NaN()
		}
	}
	return out
}

// curveStyle says how curves are drawn.
type curveStyle struct {
	yLabel string
	from   float64 // share of the steps that is left out; the data behind the drawing are whole
	log    bool    // vertically
	unit   bool    // the vertical axis goes from 0 to 1
}

// curveFigure draws the curves of variants.
func curveFigure(f Figure, runs []*Run, of func(Sample) float64, style curveStyle) (*Figure, error) {
	curves := curvesOf(runs, curvePoints, of)
	if len(curves) == 0 {
		return nil, nil
	}
	f.table = [][]string{{"variant", "step", "median", "min", "max", "seeds"}}
	for _, c := range curves {
		f.table = append(f.table, c.rows()...)
		f.Legend = append(f.Legend, key(c.variant, c.variant))
	}
	p, err := style.plot("step", curves)
	if err != nil {
		return nil, fmt.Errorf("report: %s: %w", f.ID, err)
	}
	f.SVG, err = svg(p, figureWidth, figureHeight, f.Title)
	return &f, err
}

// panelFigure draws the curves of variants in every setting of a sweep, beside each
// other; of very many settings some, from the smallest to the largest. A sweep of one
// setting has one large drawing.
func panelFigure(f Figure, runs []*Run, of func(Sample) float64, style curveStyle) (*Figure, error) {
	all := cellsOf(runs)
	if len(all) <= 1 {
		return curveFigure(f, runs, of, style)
	}
	cells := spaced(all, mostDrawn)
	f.table = [][]string{{"setting", "variant", "step", "median", "min", "max", "seeds"}}
	yLabel := style.yLabel
	style.yLabel = ""
	var drawn []*Run
	for _, cell := range cells {
		mine := ofCell(runs, cell)
		curves := curvesOf(mine, panelPoints, of)
		if len(curves) == 0 {
			continue
		}
		drawn = append(drawn, mine...)
		for _, c := range curves {
			for _, row := range c.rows() {
				f.table = append(f.table, append([]string{cell}, row...))
			}
		}
		p, err := style.plot("", curves)
		if err != nil {
			return nil, fmt.Errorf("report: %s: %s: %w", f.ID, cell, err)
		}
		drawing, err := svg(p, panelWidth, panelHeight, f.Title+", "+cell)
		if err != nil {
			return nil, err
		}
		f.Panels = append(f.Panels, Panel{cell, drawing})
	}
	if len(f.Panels) == 0 {
		return nil, nil
	}
	for _, v := range variantsOf(drawn) {
		f.Legend = append(f.Legend, key(v, v))
	}
	f.Caption += " Across: steps; up: " + yLabel + "."
	if len(cells) < len(all) {
		f.Caption += fmt.Sprintf(" %d of %d settings, from the smallest model to the largest.", len(cells), len(all))
	}
	return &f, nil
}

// spaced are at most n of names, evenly spaced, with the first and the last.
func spaced(names []string, n int) []string {
	if len(names) <= n {
		return names
	}
	out := make([]string, n)
	for i := range out {
		out[i] = names[i*(len(names)-1)/(n-1)]
	}
	return out
}

// rows are the curve's data.
func (c curve) rows() (out [][]string) {
	for i := range c.x {
		out = append(out, []string{c.variant, number(c.x[i]), number(c.mid[i]), number(c.min[i]), number(c.max[i]), fmt.Sprint(c.seeds)})
	}
	return out
}

// plot draws curves, each with its range as a band.
func (s curveStyle) plot(xLabel string, curves []curve) (*plot.Plot, error) {
	p := newPlot(xLabel, s.yLabel)
	p.X.Tick.Marker, p.Y.Tick.Marker = fewTicks{}, fewTicks{}
	if s.log {
		logY(p)
	}
	for _, c := range curves {
		c = c.after(s.from)
		if c.seeds > 1 {
			band, err := plotter.NewPolygon(ring(c))
			if err != nil {
				return nil, err
			}
			band.Color = inkOf(c.variant).faint()
			band.LineStyle.Width = 0
			p.Add(band)
		}
		xy := make(plotter.XYs, len(c.x))
		for i := range c.x {
			xy[i] = plotter.XY{X: c.x[i], Y: c.mid[i]}
		}
		line, err := plotter.NewLine(xy)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width, line.Dashes = inkOf(c.variant).color(), 1.6, dashOf(c.variant)
		p.Add(line)
	}
	if s.unit {
		p.Y.Min, p.Y.Max = 0, 1
	}
	return p, nil
}

// ring is the outline of a curve's range.
func ring(c curve) plotter.XYs {
	var xy plotter.XYs
	for i := range c.x {
		xy = append(xy, plotter.XY{X: c.x[i], Y: c.min[i]})
	}
	for i := len(c.x) - 1; i >= 0; i-- {
		xy = append(xy, plotter.XY{X: c.x[i], Y: c.max[i]})
	}
	return xy
}

// logY makes the vertical axis logarithmic.
func logY(p *plot.Plot) {
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, logTicks{}
}
