package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"

	"dsconv/internal/scaling"
	"dsconv/internal/stats"
	"dsconv/internal/tasks"
)

// figures draws what the runs of every sweep allow, in the order of the page.
func figures(dir string, runs []*Run, fits map[string]*scaling.Result, steps *StepTimes) ([]Figure, error) {
	var out []Figure
	add := func(f *Figure, err error) error {
		if err != nil {
			return err
		}
		if f != nil {
			out = append(out, *f)
		}
		return nil
	}
	for _, sweep := range sweepsOf(runs) {
		mine := pick(runs, sweep, "")
		for _, cell := range drawnCells(mine) {
			if err := add(recallRanges(cell, sweep)); err != nil {
				return nil, err
			}
		}
		for _, draw := range []func([]*Run, string) (*Figure, error){learningCurves, lossCurves, gradientCurves, convGradientCurves} {
			if err := add(draw(mine, sweep)); err != nil {
				return nil, err
			}
		}
		if f := fits[sweep]; f != nil {
			if err := add(scalingFigure(dir, mine, sweep, f)); err != nil {
				return nil, err
			}
			if err := add(advantageFigure(dir, sweep, f)); err != nil {
				return nil, err
			}
		}
		if err := add(gainBars(mine, sweep)); err != nil {
			return nil, err
		}
	}
	if err := add(slowdownFigure(steps)); err != nil {
		return nil, err
	}
	return out, nil
}

// sweepsOf lists sweeps, recall first, since its question leads the report.
func sweepsOf(runs []*Run) []string {
	var recall, other []string
	for _, r := range runs {
		switch {
		case slices.Contains(recall, r.Sweep) || slices.Contains(other, r.Sweep):
		case r.isRecall():
			recall = append(recall, r.Sweep)
		default:
			other = append(other, r.Sweep)
		}
	}
	slices.Sort(recall)
	slices.Sort(other)
	slices.SortStableFunc(recall, func(a, b string) int { return varkeyFirst(a) - varkeyFirst(b) })
	return append(recall, other...)
}

func varkeyFirst(sweep string) int {
	if sweep == "recall-varkey" {
		return 0
	}
	return 1
}

// largest is the runs of the largest setting of a sweep.
func largest(runs []*Run) (cell string, out []*Run) {
	cells := cellsOf(runs)
	cell = cells[len(cells)-1]
	return cell, ofCell(runs, cell)
}

// ofCell is the runs of one setting.
func ofCell(runs []*Run, cell string) (out []*Run) {
	for _, r := range runs {
		if r.cell() == cell {
			out = append(out, r)
		}
	}
	return out
}

// mostDrawn bounds the settings of a sweep that have a drawing each; the tables of the
// page have all.
const mostDrawn = 8

// drawnCells are the recall runs of a sweep by setting, each at its best tuning; of a
// sweep with very many settings only the largest.
func drawnCells(runs []*Run) [][]*Run {
	if !runs[0].isRecall() {
		return nil
	}
	runs = best(runs, measures["accuracy"])
	cells := cellsOf(runs)
	if len(cells) > mostDrawn {
		cells = cells[len(cells)-1:]
	}
	var out [][]*Run
	for _, cell := range cells {
		out = append(out, ofCell(runs, cell))
	}
	return out
}

// recallRanges draws the seeds of every variant in one setting.
func recallRanges(runs []*Run, sweep string) (*Figure, error) {
	cell, m := runs[0].cell(), measures["accuracy"]
	id := sweep + "-recall"
	if cell != "" {
		id += "-" + strings.NewReplacer(" ", "-", "=", "-").Replace(cell)
	}
	var strips []strip
	for _, v := range variantsOf(runs) {
		values := finite(pick(runs, "", v), m)
		if len(values) == 0 {
			continue
		}
		s := stats.SpreadOf(values)
		strips = append(strips, strip{variant: v, values: values, mid: s.Median, low: s.Min, high: s.Max, paper: math.NaN()})
	}
	return stripFigure(Figure{
		ID: id, Title: "Recall accuracy, " + sweep + suffix(cell), Command: commandOf(runs),
		Caption: fmt.Sprintf("Large dot: median over seeds; bar: lowest to highest; small dots: each seed. Dashed: guessing (%.3f), and %.2f, from which a run counts as a success.", floorOf(runs[0]), solved),
	}, strips, "accuracy", []float64{floorOf(runs[0]), solved}, []string{"variant", "median", "min", "max", "seeds"})
}

// floorOf is the accuracy of guessing.
func floorOf(r *Run) float64 { return tasks.Floor(r.Config.Task) }

func suffix(cell string) string {
	if cell == "" {
		return ""
	}
	return ", " + cell
}

func finite(runs []*Run, m measure) (out []float64) {
	for _, r := range runs {
		if x := m.of(r); !math.IsNaN(x) {
			out = append(out, x)
		}
	}
	return out
}

func learningCurves(runs []*Run, sweep string) (*Figure, error) {
	if !runs[0].isRecall() {
		return nil, nil
	}
	return panelFigure(Figure{
		ID: sweep + "-learning", Title: "Learning curves, " + sweep, Command: commandOf(runs),
		Caption: "Accuracy on training batches, which are new at every step: median over seeds, and its range as a band.",
	}, runs, func(s Sample) float64 { return s.Accuracy }, curveStyle{yLabel: "accuracy", unit: true})
}

func lossCurves(runs []*Run, sweep string) (*Figure, error) {
	if runs[0].isRecall() {
		return nil, nil
	}
	return panelFigure(Figure{
		ID: sweep + "-loss", Title: "Training loss, " + sweep, Command: commandOf(runs),
		Caption: "Nats a token on training batches: median over seeds, and its range as a band; without the first tenth of the steps.",
	}, runs, func(s Sample) float64 { return s.Loss }, curveStyle{yLabel: "loss, nats", from: 0.1, log: true})
}

func gradientCurves(runs []*Run, sweep string) (*Figure, error) {
	return normCurves(runs, sweep, "-gradient", "Gradient norm, ", "Norm of the whole gradient before clipping: median over seeds, and its range as a band.", func(s Sample) float64 { return s.GradNorm })
}

func convGradientCurves(runs []*Run, sweep string) (*Figure, error) {
	return normCurves(runs, sweep, "-conv-gradient", "Gradient norm of the convolutions, ", "Norm of the gradient of the convolutions' parameters alone: what the optimizer sees of the taps.", func(s Sample) float64 { return s.ConvGradNorm })
}

func normCurves(runs []*Run, sweep, id, title, caption string, of func(Sample) float64) (*Figure, error) {
	cell, runs := largest(runs)
	return curveFigure(Figure{ID: sweep + id, Title: title + sweep + suffix(cell), Command: commandOf(runs), Caption: caption},
		runs, func(s Sample) float64 {
			if x := of(s); x > 0 {
				return x
			}
			return math.NaN() // no convolutions, and no logarithm
		}, curveStyle{yLabel: "gradient norm", log: true})
}

// scalingFigure draws the runs of a ladder and the law through them.
func scalingFigure(dir string, runs []*Run, sweep string, f *scaling.Result) (*Figure, error) {
	p := newPlot("training compute, FLOPs", "validation loss, nats")
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
	logY(p)
	fig := Figure{
		ID: sweep + "-scaling", Title: "Scaling law, " + sweep, Command: "dsconv fit --runs " + dir + " --sweep " + sweep,
		Caption: "Dots: runs, moved to the mean of the generator's own loss where it is known. Lines: " + scaling.Form + ".",
	}
	fig.table = [][]string{append(slices.Clone(scaling.Columns), "fitted_loss")}
	points := scalingPoints(runs, false) // floors are those of the whole sweep
	for _, c := range f.Fits {
		k := inkOf(c.Variant)
		var dots plotter.XYs
		lo, hi := math.Inf(1), 0.0
		for _, pt := range points {
			if pt.Variant != c.Variant {
				continue
			}
			dots = append(dots, plotter.XY{X: pt.Compute, Y: pt.Loss})
			lo, hi = min(lo, pt.Compute), max(hi, pt.Compute)
			fig.table = append(fig.table, []string{pt.Variant, number(pt.Params), number(pt.Tokens), number(pt.Compute), number(pt.Loss), fmt.Sprint(pt.Seed), number(c.Loss(pt.Compute))})
		}
		if len(dots) == 0 {
			continue
		}
		s, err := plotter.NewScatter(dots)
		if err != nil {
			return nil, fmt.Errorf("report: %s: %w", fig.ID, err)
		}
		s.GlyphStyle = draw.GlyphStyle{Color: k.color(), Radius: 2.4, Shape: draw.CircleGlyph{}}
		var curve plotter.XYs
		const n = 40
		for i := range n + 1 {
			x := lo * math.Pow(hi/lo, float64(i)/n)
			curve = append(curve, plotter.XY{X: x, Y: c.Loss(x)})
		}
		line, err := plotter.NewLine(curve)
		if err != nil {
			return nil, fmt.Errorf("report: %s: %w", fig.ID, err)
		}
		line.Color, line.Width, line.Dashes = k.color(), 1.4, dashOf(c.Variant)
		p.Add(line, s)
		fig.Legend = append(fig.Legend, key(c.Variant, c.Variant))
	}
	var err error
	fig.SVG, err = svg(p, figureWidth, figureHeight, fig.Title)
	return &fig, err
}

// advantageFigure sets the compute advantages beside the paper's.
func advantageFigure(dir, sweep string, f *scaling.Result) (*Figure, error) {
	var strips []strip
	for _, a := range f.Advantages {
		strips = append(strips, strip{variant: a.Variant, mid: a.Advantage, low: float64(a.Low), high: float64(a.High), paper: paperValue("advantage", a.Variant)})
	}
	return stripFigure(Figure{
		ID: sweep + "-advantage", Title: "Compute advantage, " + sweep, Command: "dsconv fit --runs " + dir + " --sweep " + sweep,
		Caption: "How many times less compute a variant needs than base for the same loss, with its 95 % interval, cut at the edge. Ring: the paper's, at 150M to 2B. Dashed: no advantage.",
	}, strips, "times less compute", []float64{1}, []string{"variant", "advantage", "low", "high", "values", "paper"})
}

// gainBars is each variant's gain in validation loss over base, paired by size and
// seed, each at its best learning rate where the sweep has several.
func gainBars(runs []*Run, sweep string) (*Figure, error) {
	if runs[0].isRecall() {
		return nil, nil
	}
	m := measures["loss"]
	runs = best(runs, m)
	var strips []strip
	for _, v := range variantsOf(runs) {
		if v == "base" {
			continue
		}
		p := pair(runs, sweep, v, "base", m)
		if len(p.xs) == 0 {
			continue
		}
		g := p.gain(m)
		s := strip{variant: v, mid: g.Mean, low: float64(g.Low), high: float64(g.High), paper: paperValue(sweep, v)}
		for i := range p.xs {
			s.values = append(s.values, p.ys[i]-p.xs[i])
		}
		strips = append(strips, s)
	}
	return stripFigure(Figure{
		ID: sweep + "-gain", Title: "Gain over base, " + sweep, Command: commandOf(runs),
		Caption: "Validation loss of base less that of the variant, paired by size and seed, at the best learning rate of each where there are several: mean with its 95 % interval, cut at the edge, and each pair as a small dot. Ring: the paper's, from its perplexities at 300M, where it gives one.",
	}, strips, "nats below base", []float64{0}, []string{"variant", "gain", "low", "high", "pairs", "paper"})
}
