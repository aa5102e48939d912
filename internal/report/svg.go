package report

import (
	"bytes"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Figures are drawn small, so that their text stays readable on a phone, where the
// page is about this wide.
const (
	figureWidth  = 400
	figureHeight = 260
	panelWidth   = 250
	panelHeight  = 170
	textSize     = 11
)

// ink is a colour of the page. Plots are drawn in its light value, which is then
// replaced by the style sheet's variable, so that one drawing serves light and dark.
type ink struct {
	name string // of the CSS variable
	rgb  uint32 // light value; no two are equal, and none is black, which SVG leaves out
}

var (
	inkText = ink{"ink", 0x1c2024}
	inkSoft = ink{"soft", 0x61686f}
	inkGrid = ink{"grid", 0xe3e6e9}
	// The colours of variants (Okabe & Ito 2008, darkened), which eyes that
	// confuse red and green tell apart.
	inks = []ink{
		{"v0", 0x6b7280}, {"v1", 0x0b6fb3}, {"v2", 0x56a8dc}, {"v3", 0xb58900}, {"v4", 0x0f8f6f},
		{"v5", 0xc8480e}, {"v6", 0xc8480f}, {"v7", 0x8b3a86}, {"v8", 0xc0699b}, {"v9", 0x7a5c2e},
	}
)

func (k ink) color() color.Color {
	return color.NRGBA{uint8(k.rgb >> 16), uint8(k.rgb >> 8), uint8(k.rgb), 255}
}

// faint is the colour with an opacity, which SVG keeps apart from it.
func (k ink) faint() color.Color {
	return color.NRGBA{uint8(k.rgb >> 16), uint8(k.rgb >> 8), uint8(k.rgb), 40}
}

// hexes are how a drawing may spell the colour: the drawing library takes opacity
// out of premultiplied bytes, which rounds.
func (k ink) hexes() []string {
	r, g, b, a := k.faint().RGBA()
	rounded := fmt.Sprintf("#%02X%02X%02X", int(float64(r)*math.MaxUint8/float64(a)), int(float64(g)*math.MaxUint8/float64(a)), int(float64(b)*math.MaxUint8/float64(a)))
	return []string{fmt.Sprintf("#%06X", k.rgb), rounded}
}

// Var is the colour in CSS.
func (k ink) Var() template.CSS { return template.CSS("var(--" + k.name + ")") }

// inkOf is the colour of a variant, the same in every figure.
func inkOf(variant string) ink {
	for i, v := range variantOrder {
		if v == variant {
			return inks[i]
		}
	}
	h := 0
	for _, c := range variant {
		h = (h*31 + int(c)) & 0xffff
	}
	return inks[1+h%(len(inks)-1)]
}

// dashes tell neighbours apart without colour.
var dashes = [][]vg.Length{nil, {6, 2}, {2, 2}, {7, 2, 2, 2}}

func dashOf(variant string) []vg.Length {
	for i, v := range variantOrder {
		if v == variant {
			return dashes[i%len(dashes)]
		}
	}
	return dashes[len(variant)%len(dashes)]
}

// newPlot is an empty plot in the page's style.
func newPlot(xLabel, yLabel string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.NRGBA{}
	sans := font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, textSize)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font, axis.Tick.Label.Font = sans, sans
		axis.Label.TextStyle.Color, axis.Tick.Label.Color = inkSoft.color(), inkSoft.color()
		axis.LineStyle.Color, axis.Tick.LineStyle.Color = inkGrid.color(), inkGrid.color()
		axis.Tick.Length = 3
		axis.Padding = 2
	}
	p.X.Label.Text, p.Y.Label.Text = xLabel, yLabel
	p.X.Label.Padding, p.Y.Label.Padding = 4, 4
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = inkGrid.color(), inkGrid.color()
	p.Add(grid)
	return p
}

var (
	svgHead  = regexp.MustCompile(`(?s)^.*?<svg width="[^"]*" height="[^"]*"`)
	svgFont  = regexp.MustCompile(`font-family:[^;]*;font-variant:[^;]*;font-weight:[^;]*;font-style:[^;"]*;?`)
	svgXLink = regexp.MustCompile(`\s+xmlns:xlink="[^"]*"`)
)

// svg draws the plot as an element that scales with the page and takes its colours
// and font. label describes it to those who do not see it.
func svg(p *plot.Plot, width, height vg.Length, label string) (template.HTML, error) {
	c := vgsvg.New(width, height)
	p.Draw(draw.New(c))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", fmt.Errorf("report: draw %s: %w", label, err)
	}
	text := svgHead.ReplaceAllLiteralString(b.String(), `<svg role="img" aria-label="`+template.HTMLEscapeString(label)+`"`)
	text = svgXLink.ReplaceAllLiteralString(svgFont.ReplaceAllLiteralString(text, ""), "")
	for _, k := range append([]ink{inkText, inkSoft, inkGrid}, inks...) {
		for _, hex := range k.hexes() {
			text = strings.ReplaceAll(text, hex, "var(--"+k.name+")")
		}
	}
	return template.HTML(text), nil
}

// fewTicks is linear ticks, of which only those with a label are drawn.
type fewTicks struct{}

func (fewTicks) Ticks(lo, hi float64) []plot.Tick { return labelled(plot.DefaultTicks{}.Ticks(lo, hi)) }

// logTicks are powers of ten, or a few round numbers where the axis spans less than
// two of them.
type logTicks struct{}

func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	var out []plot.Tick
	steps := []float64{1}
	switch span := math.Log10(hi / lo); {
	case span < 0.5:
		return labelled(plot.DefaultTicks{}.Ticks(lo, hi))
	case span < 2:
		steps = []float64{1, 2, 5}
	}
	every := max(1, int(math.Log10(hi/lo)/5))
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		for _, s := range steps {
			v := s * math.Pow(10, float64(e))
			if v < lo*0.999 || v > hi*1.001 || e%every != 0 {
				continue
			}
			out = append(out, plot.Tick{Value: v, Label: shortNumber(v)})
		}
	}
	return out
}

// shortNumber writes an axis label.
func shortNumber(v float64) string {
	if v >= 1e3 {
		return Count(v)
	}
	return fmt.Sprintf("%.3g", v)
}

// labelled keeps the ticks that have a label, and writes as many decimals as their
// values take.
func labelled(ticks []plot.Tick) (out []plot.Tick) {
	decimals := 0
	for _, t := range ticks {
		if t.Label == "" {
			continue
		}
		out = append(out, t)
		for scale := math.Pow10(decimals); decimals < 6 && math.Abs(t.Value*scale-math.Round(t.Value*scale)) > 1e-6; scale *= 10 {
			decimals++
		}
	}
	for i, t := range out {
		if out[i].Label = fmt.Sprintf("%.*f", decimals, t.Value); math.Abs(t.Value) >= 1e3 {
			out[i].Label = Count(t.Value)
		}
		out[i].Label = strings.Replace(out[i].Label, "-", "−", 1)
	}
	return out
}
