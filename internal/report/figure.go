package report

import (
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html/template"
	"path/filepath"
	"strings"
)

// Figure is a drawing with the command that makes it and the data behind it.
type Figure struct {
	ID      string
	Title   string
	Caption string
	Command string
	Legend  []Key
	SVG     template.HTML
	Panels  []Panel    // instead of SVG: a drawing for each setting
	table   [][]string // the data, header first
}

// Panel is one of several small drawings of a figure.
type Panel struct {
	Title string
	SVG   template.HTML
}

// mostShown is how much of a figure's data the page shows as text; more is there to
// download only.
const mostShown = 24 << 10

// Shown is the data as the page shows them; empty where they are long.
func (f Figure) Shown() string {
	if text := f.CSV(); len(text) <= mostShown {
		return text
	}
	return ""
}

// Key is an entry of a legend. It stands in the page, where it wraps, and not in
// the drawing.
type Key struct {
	Name string
	ink  ink
	Dash string // of the line, as SVG writes it
}

// Color is the entry's colour in CSS.
func (k Key) Color() template.CSS { return k.ink.Var() }

func key(name, variant string) Key {
	var parts []string
	for _, d := range dashOf(variant) {
		parts = append(parts, fmt.Sprint(float64(d)))
	}
	return Key{Name: name, ink: inkOf(variant), Dash: strings.Join(parts, " ")}
}

// CSV is the data as text.
func (f Figure) CSV() string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.WriteAll(f.table)
	return b.String()
}

// Data is the data as a link that needs no network.
func (f Figure) Data() template.URL {
	return template.URL("data:text/csv;charset=utf-8;base64," + base64.StdEncoding.EncodeToString([]byte(f.CSV())))
}

// sweepCommand makes the runs of a sweep, in dir. Its file has the sweep's name, but for the
// ladder, which is what a bare "dsconv sweep" runs.
func sweepCommand(sweep, dir string) string {
	c := "dsconv sweep"
	if sweep != "ladder" {
		c += " --config configs/sweeps/" + sweep + ".yaml"
	}
	return c + " --dir " + dir
}

// howRun are the flags that a sweep was started with, as its runs tell; "" where they differ.
func howRun(runs []*Run) string {
	text := ""
	for i, r := range runs {
		mine := ""
		for _, flag := range []string{"preset", "profile"} {
			if v := r.Config.Labels[flag]; v != "" {
				mine += " --" + flag + " " + v
			}
		}
		for _, set := range strings.Fields(r.Config.Labels["set"]) {
			mine += " --set " + set
		}
		if i > 0 && mine != text {
			return ""
		}
		text = mine
	}
	return text
}

// commandOf makes the runs of a sweep again, where they are.
func commandOf(runs []*Run) string {
	return sweepCommand(runs[0].Sweep, filepath.Dir(runs[0].Dir)) + howRun(runs)
}

// number writes a value of a figure's data.
func number(v float64) string { return fmt.Sprintf("%.6g", v) }
