package report

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"

	"dsconv/internal/stats"
)

// curvePoints is how many points of a curve are drawn.
const curvePoints = 80

// curve is one variant's median over seeds, with its range.
type curve struct {
	variant          string
	seeds            int
	x, mid, min, max []float64
}

// curvesOf bins the steps of runs and takes, in each bin, every run's mean and then
// the median over runs. A run that stopped early because it had reached its target
// keeps its last value.
func curvesOf(runs []*Run, of func(Sample) float64) []curve {
	steps := 0
	for _, r := range runs {
		steps = max(steps, r.Last().Step)
	}
	width := max(1, (steps+curvePoints-1)/curvePoints)
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

// curveFigure draws the curves of variants from a share of the steps on; the data
// behind it are whole.
func curveFigure(f Figure, runs []*Run, yLabel string, from float64, of func(Sample) float64, style func(*plot.Plot)) (*Figure, error) {
	curves := curvesOf(runs, of)
	if len(curves) == 0 {
		return nil, nil
	}
	p := newPlot("step", yLabel)
	p.X.Tick.Marker, p.Y.Tick.Marker = fewTicks{}, fewTicks{}
	if style != nil {
		style(p)
	}
	f.table = [][]string{{"variant", "step", "median", "min", "max", "seeds"}}
	for _, c := range curves {
		for i := range c.x {
			f.table = append(f.table, []string{c.variant, number(c.x[i]), number(c.mid[i]), number(c.min[i]), number(c.max[i]), fmt.Sprint(c.seeds)})
		}
		c = c.after(from)
		if c.seeds > 1 {
			band, err := plotter.NewPolygon(ring(c))
			if err != nil {
				return nil, fmt.Errorf("report: %s: %w", f.ID, err)
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
			return nil, fmt.Errorf("report: %s: %w", f.ID, err)
		}
		line.Color, line.Width, line.Dashes = inkOf(c.variant).color(), 1.6, dashOf(c.variant)
		p.Add(line)
		f.Legend = append(f.Legend, key(c.variant, c.variant))
	}
	var err error
	f.SVG, err = svg(p, figureHeight, f.Title)
	return &f, err
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
