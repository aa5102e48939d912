package scaling

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadCSV(t *testing.T) {
	text := "seed, loss, flops,tokens,params,variant,seconds,note\n# a comment\n1,3.5,6e13,1e7,1e6,base,12,x\n2,3.4,6e13,1e7,1e6,\"dyn, R=16\",15,y\n"
	want := []Point{{"base", 1e6, 1e7, 6e13, 3.5, 1}, {"dyn, R=16", 1e6, 1e7, 6e13, 3.4, 2}}
	got, err := ReadCSV(strings.NewReader(text), "p.csv", "flops")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err = ReadCSV(strings.NewReader(text), "p.csv", "seconds"); err != nil || got[1].Compute != 15 {
		t.Errorf("seconds: %+v, %v", got, err)
	}
}

func TestReadCSVRefuses(t *testing.T) {
	const head = "variant,params,tokens,flops,loss,seed\n"
	for text, want := range map[string]string{
		"":                                    `fit: p.csv: the file is empty; the first line names the columns variant,params,tokens,flops,loss,seed`,
		head:                                  `fit: p.csv: no points below the header`,
		"variant,params\n":                    `fit: p.csv: column "tokens" is missing; the file needs variant,params,tokens,flops,loss,seed`,
		head + "base,1,1,1,0,1\n":             `fit: p.csv:2: loss is "0"; want a positive number`,
		head + "base,1,1,NaN,1,1\n":           `fit: p.csv:2: flops is "NaN"; want a positive number`,
		head + "base,1,1,1,1,x\n":             `fit: p.csv:2: seed is "x"; want a whole number`,
		head + ",1,1,1,1,1\n":                 `fit: p.csv:2: the variant has no name`,
		head + "base,1,1\n":                   `fit: p.csv: record on line 2: wrong number of fields`,
		"loss," + head + "3,base,1,1,1,1,1\n": `fit: p.csv: column "loss" stands twice`,
	} {
		if _, err := ReadCSV(strings.NewReader(text), "p.csv", "flops"); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	// With seconds, these are needed, and no flops.
	for text, want := range map[string]string{
		"":                                 `fit: p.csv: the file is empty; the first line names the columns variant,params,tokens,seconds,loss,seed`,
		head:                               `fit: p.csv: column "seconds" is missing; the file needs variant,params,tokens,seconds,loss,seed`,
		"variant,params,seconds,loss,seed": `fit: p.csv: column "tokens" is missing; the file needs variant,params,tokens,seconds,loss,seed`,
	} {
		if _, err := ReadCSV(strings.NewReader(text), "p.csv", "seconds"); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("variant,params,tokens,flops,loss,seed\nbase,1e6,1e7,6e13,3.5,1\nbase,2e6,2e7,3e14,3.2,1\ndyn,1e6,1e7,6e13,3.3,1\n")
	f.Add("variant,params,tokens,flops,loss,seed\nbase,1,1,1,1e-300,1\nbase,2,2,1e300,1e300,1\n")
	f.Add("variant,params,tokens,flops,loss,seed\nbase,1,1,1,1,1\nbase,2,2,2,1,1\ndyn,1,1,1,9,1\ndyn,2,2,2,9,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		points, err := ReadCSV(strings.NewReader(text), "p.csv", "flops")
		if err != nil || len(points) > 20 {
			return
		}
		for _, p := range points {
			if p.Variant == "" || !(p.Compute > 0) || !(p.Loss > 0) || math.IsInf(p.Loss, 0) {
				t.Fatalf("%+v came through", p)
			}
		}
		// Whatever the points are, there is no panic, and what comes out can be written.
		if r, err := Fit(points, Options{Base: points[0].Variant, Resamples: 2}); err == nil {
			if _, err := json.Marshal(r); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func ExampleFit() {
	var points []Point
	for i, params := range []float64{1e6, 2e6, 4e6, 8e6, 16e6} {
		tokens := 50 * params
		flops := 6 * params * tokens
		for _, v := range []struct {
			name string
			k    float64
		}{{"base", 1}, {"dyn", 1.33}} {
			loss := 1.8 + 900*math.Pow(v.k*flops, -0.19)
			points = append(points, Point{v.name, params, tokens, flops, loss, int64(i)})
		}
	}
	r, _ := Fit(points, Options{Base: "base"})
	fmt.Printf("dyn needs %.2f times less compute\n", r.Advantages[0].Advantage)
	// Output: dyn needs 1.33 times less compute
}
