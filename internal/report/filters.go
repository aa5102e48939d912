package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/plotter"

	"dsconv/internal/train"
)

// filterFigures draws what the filters of one run learned.
func filterFigures(f Filters) ([]Figure, error) {
	energy, err := energyFigure(f)
	if err != nil {
		return nil, err
	}
	worth, err := worthFigure(f)
	if err != nil {
		return nil, err
	}
	var out []Figure
	for _, fig := range []*Figure{energy, worth} {
		if fig != nil {
			out = append(out, *fig)
		}
	}
	return out, nil
}

// placeInks are the colours of projections.
var placeInks = []string{"static", "headwise", "dyn", "dynall", "shuffled", "constant", "gate"}

// energyFigure is the energy of the taps by lag, a line for each projection, mean
// over layers.
func energyFigure(f Filters) (*Figure, error) {
	var places []string
	sum := map[string][]float64{}
	varies := map[string][]float64{}
	layers := map[string]float64{}
	for _, s := range f.Analysis.Filters {
		if sum[s.Place] == nil {
			places = append(places, s.Place)
			sum[s.Place], varies[s.Place] = make([]float64, len(s.Energy)), make([]float64, len(s.Energy))
		}
		layers[s.Place]++
		for k := range s.Energy {
			sum[s.Place][k] += s.Energy[k]
			varies[s.Place][k] += s.Variation[k]
		}
	}
	if len(places) == 0 {
		return nil, nil
	}
	p := newPlot("lag, tokens back", "mean squared tap")
	p.X.Tick.Marker, p.Y.Tick.Marker = fewTicks{}, fewTicks{}
	p.Y.Min = 0
	fig := Figure{
		ID: f.Sweep + "-" + f.Variant + "-filters", Title: "Filter energies, " + f.Variant + ", " + f.Sweep, Command: "dsconv analyze --run " + f.Dir,
		Caption: "Mean over layers, tokens and channels of the squared tap, by lag; dots: the part of it that varies from token to token. The residual is not counted. One run, the first seed.",
	}
	fig.table = [][]string{{"place", "lag", "energy", "varies"}}
	for i, place := range places {
		k := inkOf(placeInks[i%len(placeInks)])
		var line, part plotter.XYs
		for lag := range sum[place] {
			e, v := sum[place][lag]/layers[place], varies[place][lag]/layers[place]
			line = append(line, plotter.XY{X: float64(lag), Y: e})
			part = append(part, plotter.XY{X: float64(lag), Y: v})
			fig.table = append(fig.table, []string{place, fmt.Sprint(lag), number(e), number(v)})
		}
		l, err := plotter.NewLine(line)
		if err != nil {
			return nil, fmt.Errorf("report: %s: %w", fig.ID, err)
		}
		l.Color, l.Width = k.color(), 1.6
		p.Add(l)
		for _, xy := range part {
			if err := mark(p, xy.X, xy.Y, k.color(), 2.6, plotter.DefaultGlyphStyle.Shape); err != nil {
				return nil, err
			}
		}
		fig.Legend = append(fig.Legend, Key{Name: place, ink: k})
	}
	var err error
	fig.SVG, err = svg(p, figureWidth, figureHeight, fig.Title)
	return &fig, err
}

// worthFigure is what each change of the trained model costs.
func worthFigure(f Filters) (*Figure, error) {
	list := f.Analysis.Ablations
	if len(list) < 2 {
		return nil, nil
	}
	of, label := func(a train.Ablation) float64 { return a.Eval.Loss - list[0].Eval.Loss }, "nats added"
	if f.Recall {
		of, label = func(a train.Ablation) float64 { return list[0].Eval.Accuracy - a.Eval.Accuracy }, "accuracy lost"
	}
	var strips []strip
	for _, a := range list[1:] {
		v := of(a)
		strips = append(strips, strip{variant: a.Name, values: []float64{v}, mid: v, low: min(0, v), high: max(0, v), paper: math.NaN()})
	}
	fig, err := stripFigure(Figure{
		ID: f.Sweep + "-" + f.Variant + "-worth", Title: "What each part of the filters is worth, " + f.Variant + ", " + f.Sweep, Command: "dsconv analyze --run " + f.Dir,
		Caption: "The trained model is evaluated after changes that need no training: filters frozen to their mean over tokens, filters of another sequence, no dynamic part, no tap at one lag. One run, the first seed.",
	}, strips, label, []float64{0}, []string{"change", "cost", "low", "high", "runs"})
	if fig != nil {
		for i := range fig.table {
			fig.table[i] = slices.Delete(fig.table[i], 2, len(fig.table[i]))
		}
	}
	return fig, err
}
