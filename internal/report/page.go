package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"

	"dsconv/internal/scaling"
	"dsconv/internal/stats"
)

//go:embed page.html
var pageFile string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"style":   func() template.CSS { return template.CSS(pageStyle) },
	"count":   Count,
	"acc":     measures["accuracy"].text,
	"loss":    measures["loss"].text,
	"spread":  spreadText,
	"percent": func(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) },
	"class":   verdictClass,
	"sign":    func(v Verdict) string { return verdictSigns[v] },
	"hours":   hoursText,
	"doubts":  scaling.Doubts,
}).Parse(pageFile))

// verdictSigns say a verdict without colour.
var verdictSigns = map[Verdict]string{Reproduced: "✓", NotReproduced: "✗", Inconclusive: "≈", NotRun: "–"}

func verdictClass(v Verdict) string {
	switch v {
	case Reproduced:
		return "yes"
	case NotReproduced:
		return "no"
	case Inconclusive:
		return "open"
	}
	return "unrun"
}

// Ratio writes an end of the interval of a ratio. Beyond a factor of a thousand the
// data limit nothing.
func Ratio(b stats.Bound) string {
	switch {
	case !b.Finite() || b > 1000:
		return "no limit"
	case b < 0.001:
		return "0"
	}
	return fmt.Sprintf("%.2f", float64(b))
}

// spreadText writes a median with its range.
func spreadText(s stats.Spread, digits int) string {
	text := fmt.Sprintf("%.*f", digits, s.Median)
	if low, high := fmt.Sprintf("%.*f", digits, s.Min), fmt.Sprintf("%.*f", digits, s.Max); low != high {
		text += " (" + low + "–" + high + ")"
	}
	return text
}

func hoursText(seconds float64) string {
	switch {
	case seconds < 90:
		return fmt.Sprintf("%.0f seconds", seconds)
	case seconds < 5400:
		return fmt.Sprintf("%.0f minutes", seconds/60)
	}
	return fmt.Sprintf("%.1f hours", seconds/3600)
}

// Tally is how many claims have a verdict.
type Tally struct {
	Verdict Verdict
	N       int
}

// Tally counts the claims of each verdict, those with most to say first.
func (r *Report) Tally() []Tally {
	n := map[Verdict]int{}
	for _, row := range r.Rows {
		n[row.Verdict]++
	}
	var out []Tally
	for _, v := range []Verdict{Reproduced, NotReproduced, Inconclusive, NotRun} {
		if n[v] > 0 {
			out = append(out, Tally{v, n[v]})
		}
	}
	return out
}

// Leads are the answers to the question that the report opens with, what a gain is
// made of: the claims about it that were run, in the order of the table.
func (r *Report) Leads() []Row {
	var out []Row
	for _, row := range r.Rows {
		if row.Rule == "attribution" && row.Verdict != NotRun {
			out = append(out, row)
		}
	}
	return out
}

// Laws are the fits in the order of their sweeps.
func (r *Report) Laws() []Law {
	var out []Law
	for _, sweep := range slices.Sorted(maps.Keys(r.Fits)) {
		out = append(out, Law{sweep, r.Fits[sweep], r.Timed[sweep]})
	}
	return out
}

// WriteHTML writes the page: one file, without scripts, links or requests.
func (r *Report) WriteHTML(w io.Writer) error {
	var b bytes.Buffer
	if err := page.Execute(&b, r); err != nil {
		return fmt.Errorf("report: page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
