package report

import (
	"bytes"
	"encoding/base64"
	"math"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"dsconv/internal/rng"
	"dsconv/internal/train"
)

// study is a made-up study with recall and a ladder. Its names try to break out of
// the page.
func study(t testing.TB) *Found {
	t.Helper()
	var out []*Run
	r := rng.New(2)
	for _, sweep := range []string{"recall-varkey", "recall-mqar"} {
		for v, variant := range []string{"base", "static", "static-fast", "headwise", "lowrank", "gate", "shuffled", "constant"} {
			for seed := range 3 {
				acc := []float64{0.38, 0.985, 1, 0.99, 1, 0.19, 1, 1}[v] - 0.02*r.Float64()*float64(v%3)
				learned := []int{0, 80, 40, 45, 35, 0, 36, 33}[v]
				if learned > 0 {
					learned += r.IntN(8)
				}
				out = append(out, madeCurve(made{sweep: sweep, variant: variant, seed: int64(seed + 1), accuracy: math.Min(acc, 1), learned: learned, params: 1.03e5}, r))
			}
		}
	}
	for s, size := range []string{"80k", "130k", "380k"} {
		for v, variant := range []string{"base", "static", "dyn", "dynall", "<script>alert(1)</script>"} {
			for seed := range 2 {
				n := []float64{8e4, 1.3e5, 3.8e5}[s]
				c := 6 * n * 20 * n
				k := []float64{1, 1.1, 1.3, 1.5, 1.2}[v]
				loss := (1.9 + 60*math.Pow(k*c, -0.15)) * math.Exp(0.003*r.Norm())
				speed := 1e5 / []float64{1, 1.05, 1.07, 1.2, 1.1}[v] * (1 + 0.01*r.Norm())
				out = append(out, madeCurve(made{sweep: "ladder", variant: variant, size: size, seed: int64(seed + 1), loss: loss, speed: speed, params: n * (1 + 0.01*float64(v))}, r))
			}
		}
	}
	sortRuns(out)
	steps := madeStepTimes(6.5, 7, 7.5, 6.8, 7.1, 7.3)
	steps.Model = "27m"
	for _, name := range []string{"static", "dynall"} {
		v := steps.Variants[1]
		v.Variant = name
		steps.Variants = append(steps.Variants, v)
	}
	return &Found{Runs: out, Steps: steps, Machine: "2 cores, test", Others: []Unfinished{{"runs/x/<b>", "failed", "loss is not finite & so on"}}}
}

// madeCurve gives a made-up run a curve that looks like one.
func madeCurve(m made, r *rng.Source) *Run {
	run := m.run()
	for i := range run.Curve {
		s := &run.Curve[i]
		x := float64(s.Step)
		switch {
		case m.learned > 0:
			s.Accuracy = 0.12 + (m.accuracy-0.12)/(1+math.Exp(-(x-float64(m.learned)+8)/4))
		case m.loss == 0:
			s.Accuracy = 0.12 + (m.accuracy-0.12)*x/madeSteps
		}
		s.Accuracy += 0.01 * r.Norm()
	}
	return run
}

// madeReport is the report of study, made once.
func madeReport(t testing.TB) (*Report, string) {
	t.Helper()
	once.Do(func() { madeOnce, pageOnce = makeReport(t) })
	return madeOnce, pageOnce
}

var (
	once     sync.Once
	madeOnce *Report
	pageOnce string
)

func makeReport(t testing.TB) (*Report, string) {
	t.Helper()
	r, err := build("runs/reproduce", study(t), madeProbes())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return r, b.String()
}

// madeProbes are made-up looks into trained models.
func madeProbes() Probes {
	nan := math.NaN()
	h := Heat{Sweep: "recall-varkey", Variant: "lowrank", Dir: "runs/x", Pairs: []int{8, 16, 32}, Lengths: []int{64, 128, 256}, Values: [][]float64{{1, 0.93, 0.6}, {nan, 0.7, 0.41}, {nan, nan, 0.2}}}
	other := h
	other.Variant, other.Values = "base", [][]float64{{0.38, 0.3, 0.2}, {nan, 0.1, 0.05}, {nan, nan, 0}}
	a := &train.Analysis{}
	for layer := range 2 {
		for i, place := range []string{"q", "k", "v"} {
			e := float64(i+1) * 0.1
			a.Filters = append(a.Filters, train.FilterStats{Layer: layer, Place: place, Energy: []float64{e, 2 * e, e / 2, e / 4}, Static: []float64{e, e, e, e}, Variation: []float64{e / 2, e / 2, e / 3, e / 9}})
		}
	}
	for i, name := range []string{"as trained", "frozen", "other sequence", "no dynamic part", "no lag 0", "no lag 1"} {
		a.Ablations = append(a.Ablations, train.Ablation{Name: name, Eval: train.Evaluation{Loss: 0.1 * float64(i+1), Accuracy: 1 - 0.15*float64(i)}})
	}
	return Probes{Heats: []Heat{h, other}, Filters: []Filters{{"recall-varkey", "lowrank", "runs/x", true, a}}}
}

func TestPage(t *testing.T) {
	r, page := madeReport(t)
	for _, row := range r.Rows {
		if !strings.Contains(page, `id="`+row.ID+`"`) {
			t.Errorf("claim %s is not on the page", row.ID)
		}
	}
	for _, f := range r.Figures {
		if !strings.Contains(page, `id="`+f.ID+`"`) || !strings.Contains(page, `download="`+f.ID+`.csv"`) {
			t.Errorf("figure %s or its data is not on the page", f.ID)
		}
		if len(f.table) < 2 {
			t.Errorf("figure %s has no data", f.ID)
		}
	}
	for _, kind := range []string{"recall-varkey-recall", "recall-varkey-learning", "recall-varkey-gradient", "ladder-loss", "ladder-scaling", "ladder-advantage", "ladder-gain", "slowdown", "recall-varkey-lowrank-filters", "recall-varkey-lowrank-worth"} {
		if !strings.Contains(page, `<figure id="`+kind+`"`) {
			t.Errorf("no figure %s", kind)
		}
	}
	if n := strings.Index(page, r.Rows[0].Claim.Claim); n < 0 || n > strings.Index(page, "<h2") {
		t.Error("the question of input dependence does not lead the page")
	}
	if file := os.Getenv("DSCONV_REPORT_OUT"); file != "" {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// The page asks the network for nothing, runs nothing, and takes no name at its word.
func TestPageIsClosed(t *testing.T) {
	_, page := madeReport(t)
	for _, bad := range []string{"<script", "<b>", "http://", "https://", "javascript:", "<link", "<img", "@import", "url("} {
		at := strings.Index(strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, ""), bad)
		if at >= 0 {
			t.Errorf("the page holds %q", bad)
		}
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the odd variant is missing")
	}
	for _, k := range append([]ink{inkText, inkSoft, inkGrid}, inks...) {
		style := "--" + k.name + ":"
		if strings.Count(page, style) < 1 {
			t.Errorf("the style sheet lacks %s", style)
		}
	}
	body := page[strings.Index(page, "<body"):]
	if m := regexp.MustCompile(`(?:fill|stroke):#[0-9A-Fa-f]{6}`).FindString(body); m != "" {
		t.Errorf("a drawing has the fixed colour %s, which dark mode cannot change", m)
	}
}

// The data behind a figure is the data, byte for byte.
func TestFigureData(t *testing.T) {
	r, page := madeReport(t)
	for _, f := range r.Figures {
		m := regexp.MustCompile(`href="data:text/csv;charset=utf-8;base64,([^"]*)" download="` + regexp.QuoteMeta(f.ID) + `\.csv"`).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("%s: no link", f.ID)
		}
		text := strings.NewReplacer("&#43;", "+", "%2b", "+", "%2B", "+").Replace(m[1])
		got, err := base64.StdEncoding.DecodeString(text)
		if err != nil || string(got) != f.CSV() {
			t.Errorf("%s: %v, %d bytes, want %d", f.ID, err, len(got), len(f.CSV()))
		}
	}
}

func TestPageIsRepeatable(t *testing.T) {
	_, one := madeReport(t)
	if _, two := makeReport(t); one != two {
		t.Error("two pages of the same runs differ")
	}
}

func TestEmptyPage(t *testing.T) {
	r, err := build("runs/none", &Found{}, Probes{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "0 finished runs") || !strings.Contains(b.String(), "not run") {
		t.Error("an empty report does not say that nothing was run")
	}
}
