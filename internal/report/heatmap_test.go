package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// TestHeatmap reads the drawing back: well-formed, every value and name in it.
func TestHeatmap(t *testing.T) {
	var b bytes.Buffer
	err := Heatmap{
		Title: `accuracy of <runs/"x">`, Rows: "pairs", Columns: "tokens",
		Panels: []HeatPanel{
			{Rows: []string{"4", "8"}, Columns: []string{"64", "128"}, Values: [][]float64{{1, 0.25}, {math.NaN(), 0}}, Marked: [2]int{0, 0}},
			{Title: "keys of up to 4 tokens", Rows: []string{"4"}, Columns: []string{"64"}, Values: [][]float64{{0.5}}, Marked: [2]int{-1, -1}},
		},
	}.WriteSVG(&b)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	rects, frames := 0, 0
	d := xml.NewDecoder(&b)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.CharData:
			if s := strings.TrimSpace(string(token)); s != "" {
				words = append(words, s)
			}
		case xml.StartElement:
			if token.Name.Local == "rect" {
				rects++
			}
			for _, a := range token.Attr {
				if a.Name.Local == "stroke" && a.Value == "#c8480e" {
					frames++
				}
			}
		}
	}
	want := `accuracy of <runs/"x">|accuracy of <runs/"x">|rows: pairs, columns: tokens|64|128|4|1.000|0.250|8|–|0.000|keys of up to 4 tokens|64|4|0.500`
	if got := strings.Join(words, "|"); got != want {
		t.Errorf("text is\n%s, want\n%s", got, want)
	}
	if rects != 1+4 || frames != 1 {
		t.Errorf("%d rectangles, %d of them framed", rects, frames)
	}
}
