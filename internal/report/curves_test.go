package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A sweep with several settings has a small drawing for each, up to a bound; the data
// name the setting.
func TestPanels(t *testing.T) {
	level := func(n int) (out []*Run) {
		for i := range n {
			for _, variant := range []string{"base", "dyn"} {
				if i == n-1 && variant == "base" {
					continue
				}
				out = append(out, made{sweep: "graded", variant: variant, size: fmt.Sprintf("%02d", i+1), seed: 1, accuracy: 0.5, learned: 40 + i}.run())
			}
		}
		return out
	}
	for _, c := range []struct {
		settings int
		want     []string
		caption  string
	}{
		{1, nil, "as a band."},
		{3, []string{"size=01", "size=02", "size=03"}, "Across: steps; up: accuracy."},
		{15, []string{"size=01", "size=03", "size=05", "size=07", "size=09", "size=11", "size=13", "size=15"}, "8 of 15 settings, from the smallest model to the largest."},
	} {
		f, err := learningCurves(level(c.settings), "graded")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range f.Panels {
			got = append(got, p.Title)
			if !strings.Contains(string(p.SVG), `aria-label="Learning curves, graded, `+p.Title+`"`) {
				t.Errorf("%d settings: the drawing of %s has no name of its own", c.settings, p.Title)
			}
		}
		if !slices.Equal(got, c.want) || (f.SVG == "") != (c.settings > 1) {
			t.Errorf("%d settings: panels %v, want %v", c.settings, got, c.want)
		}
		if !strings.HasSuffix(f.Caption, c.caption) {
			t.Errorf("%d settings: caption %q", c.settings, f.Caption)
		}
		if c.settings == 1 {
			continue
		}
		if len(f.Legend) != 2 || f.table[0][0] != "setting" {
			t.Errorf("%d settings: %d variants in the legend, columns %v", c.settings, len(f.Legend), f.table[0])
		}
		inData := map[string]bool{}
		for _, row := range f.table[1:] {
			inData[row[0]] = true
		}
		if len(inData) != len(c.want) {
			t.Errorf("%d settings: the data have %d", c.settings, len(inData))
		}
	}
}

// Long data are for download; the page does not show them as text.
func TestShownData(t *testing.T) {
	f := Figure{table: [][]string{{"a", "b"}, {"1", "2"}}}
	if f.Shown() != f.CSV() || f.Shown() == "" {
		t.Errorf("short data are shown as %q", f.Shown())
	}
	for range mostShown / 4 {
		f.table = append(f.table, []string{"1", "2"})
	}
	if f.Shown() != "" {
		t.Errorf("%d bytes are shown", len(f.Shown()))
	}
}
