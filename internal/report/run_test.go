package report

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestStepsTo(t *testing.T) {
	r := made{sweep: "s", variant: "v", accuracy: 1, learned: 40}.run()
	if step, ok := r.stepsTo(learned); step != 40 || !ok {
		t.Errorf("step %v, %v; want 40", step, ok)
	}
	never := made{sweep: "s", variant: "v", accuracy: 0.2}.run()
	if step, ok := never.stepsTo(learned); step != madeSteps || ok {
		t.Errorf("step %v, %v; want the planned end and false", step, ok)
	}
	short := made{sweep: "s", variant: "v"}.run()
	short.Curve = short.Curve[:3] // shorter than the window
	if step, ok := short.stepsTo(0); step != madeSteps || ok {
		t.Errorf("step %v, %v of a run of 3 steps", step, ok)
	}
}

// A variant that an axis does not touch stands beside all values of that axis.
func TestPairAcrossAxes(t *testing.T) {
	base := made{sweep: "s", variant: "base", seed: 1, loss: 4}.run()
	small, large := made{sweep: "s", variant: "dyn", size: "a", seed: 1, loss: 3}.run(), made{sweep: "s", variant: "dyn", size: "b", seed: 1, loss: 2}.run()
	other := made{sweep: "s", variant: "dyn", size: "b", seed: 2, loss: 2}.run()
	p := pair([]*Run{base, small, large, other}, "s", "dyn", "base", measures["loss"])
	if len(p.xs) != 2 || p.ys[0] != 4 || p.ys[1] != 4 {
		t.Errorf("pairs %v and %v", p.xs, p.ys)
	}
	sized := made{sweep: "s", variant: "base", size: "b", seed: 1, loss: 5}.run()
	p = pair([]*Run{sized, small, large}, "s", "dyn", "base", measures["loss"])
	if len(p.xs) != 1 || p.xs[0] != 2 || p.ys[0] != 5 {
		t.Errorf("sizes were mixed: %v and %v", p.xs, p.ys)
	}
}

// Runs with axes of which neither has the other's are no pair, nor is one without a number.
func TestNoPair(t *testing.T) {
	m := measures["loss"]
	x, y := made{sweep: "s", variant: "dyn", size: "a", seed: 1, loss: 3}.run(), made{sweep: "s", variant: "base", seed: 1, loss: 4}.run()
	if p := pair([]*Run{x, y}, "s", "dyn", "base", m); len(p.xs) != 1 {
		t.Fatalf("%d pairs, want one", len(p.xs))
	}
	y.Axes["task.pairs"] = "4"
	if p := pair([]*Run{x, y}, "s", "dyn", "base", m); len(p.xs) != 0 {
		t.Errorf("a size and a number of pairs have nothing in common, but %v and %v", p.xs, p.ys)
	}
	delete(y.Axes, "task.pairs")
	for _, r := range []*Run{x, y} {
		end := &r.Curve[madeSteps-1].EvalLoss
		was := *end
		*end = math.NaN()
		if p := pair([]*Run{x, y}, "s", "dyn", "base", m); len(p.xs) != 0 {
			t.Errorf("%s has no loss, but %v and %v", r.Variant, p.xs, p.ys)
		}
		*end = was
	}
}

func TestCurveKeepsItsEnd(t *testing.T) {
	long, short := made{sweep: "s", variant: "v", seed: 1, accuracy: 1}.run(), made{sweep: "s", variant: "v", seed: 2, accuracy: 1}.run()
	for i := range long.Curve {
		long.Curve[i].Accuracy, short.Curve[i].Accuracy = 0.5, 1
	}
	short.Curve = short.Curve[:10] // stopped early, at its target
	c := curvesOf([]*Run{long, short}, curvePoints, func(s Sample) float64 { return s.Accuracy })[0]
	last := len(c.x) - 1
	if c.x[last] != madeSteps || c.max[last] != 1 || c.min[last] != 0.5 || c.mid[last] != 0.75 {
		t.Errorf("at step %v: %v to %v, median %v", c.x[last], c.min[last], c.max[last], c.mid[last])
	}
}

// A recall cell has a median, a range, a success rate and a floor.
func TestRecallCells(t *testing.T) {
	cells := recallCells(accuracies("s", "dyn", 1, 0.2, 0.995))
	if len(cells) != 1 {
		t.Fatalf("%d cells", len(cells))
	}
	c := cells[0]
	if c.Accuracy.Median != 0.995 || c.Accuracy.Min != 0.2 || c.Accuracy.Max != 1 || math.Abs(c.Success-2./3) > 1e-12 || c.Floor != 0.25 || c.Reached != 0 {
		t.Errorf("%+v", c)
	}
}

func TestVariantOrder(t *testing.T) {
	var runs []*Run
	for _, v := range []string{"dyn rank=128", "shuffled", "dyn rank=16", "base", "dyn rank=4", "lowrank"} {
		runs = append(runs, made{sweep: "s", variant: v}.run())
	}
	if got := strings.Join(variantsOf(runs), ", "); got != "base, lowrank, shuffled, dyn rank=4, dyn rank=16, dyn rank=128" {
		t.Error(got)
	}
}

func TestTickLabelsDiffer(t *testing.T) {
	for _, c := range [][2]float64{{4.87, 5.12}, {0, 1}, {-0.05, 0.06}, {1e3, 5e5}, {2.4, 4.6}, {0.001, 0.0042}} {
		seen := map[string]bool{}
		for _, tick := range (logTicks{}).Ticks(max(c[0], 1e-3), c[1]) {
			if seen[tick.Label] {
				t.Errorf("%v: label %s stands twice", c, tick.Label)
			}
			seen[tick.Label] = true
		}
		seen = map[string]bool{}
		for _, tick := range (fewTicks{}).Ticks(c[0], c[1]) {
			if seen[tick.Label] {
				t.Errorf("%v: label %s stands twice", c, tick.Label)
			}
			seen[tick.Label] = true
		}
	}
}

// Seeds whose languages have other floors give the same points; without a floor the
// losses are as measured.
func TestScalingPointsShareAFloor(t *testing.T) {
	runs := losses("s", "base", "a", 4, 4.5)
	if p := scalingPoints(runs, false); p[0].Loss != 4 || p[1].Loss != 4.5 {
		t.Errorf("without floors: %+v", p)
	}
	if p := scalingPoints(runs, true); p[0].Compute != madeSteps || p[0].Tokens != madeSteps*8192 {
		t.Errorf("by seconds: %+v", p)
	}
	for i, floor := range []float64{3, 3.5} {
		runs[i].Curve[madeSteps-1].Oracle = floor
	}
	if p := scalingPoints(runs, false); p[0].Loss != 4.25 || p[1].Loss != 4.25 {
		t.Errorf("with floors: %+v", p)
	}
}

// On a ladder each size has its own base.
func TestCompareLadder(t *testing.T) {
	runs := join(losses("s", "base", "a", 4, 4.1), losses("s", "dyn", "a", 3.9, 4), losses("s", "base", "b", 3, 3.1), losses("s", "dyn", "b", 2.9, 3))
	for _, r := range runs {
		if r.Variant == "dyn" {
			r.Config.Conv.Kind = "dynamic"
		}
		if r.Axes["size"] == "b" {
			r.Config.Model.Dim = 128
		}
	}
	c, err := Compare(runs, "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range c.Differences {
		if d.Measure == measures["loss"].name {
			got = append(got, d.Of+" over "+d.Over)
			if math.Abs(d.Change.Mean+0.1) > 1e-9 {
				t.Errorf("%+v", d)
			}
		}
	}
	if strings.Join(got, "; ") != "dyn size=a over base size=a; dyn size=b over base size=b" {
		t.Error(got)
	}
}

func TestCompareGroups(t *testing.T) {
	runs := join(accuracies("s", "base", 0.2, 0.3, 0.4), accuracies("s", "dyn", 1, 1, 0.9))
	for _, r := range runs {
		if r.Variant == "dyn" {
			r.Config.Conv.Kind = "dynamic"
		}
		r.Config.Optim.LR = 2e-3
	}
	again := *runs[0] // the same run twice
	c, err := Compare(append(runs, &again), "")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(c.Settings, " ") != "conv.kind" || len(c.Groups) != 2 || len(c.Groups[0].Seeds) != 3 || c.Groups[0].Name != "base" {
		t.Fatalf("%+v", c)
	}
	for _, d := range c.Differences {
		if d.Measure == "accuracy" && (d.Change.N != 3 || d.Words != "higher, exact p=0.050" || math.Abs(d.Change.Mean-2./3) > 1e-9) {
			t.Errorf("%+v", d)
		}
	}
	runs[0].Config.Conv.Rank++ // without a convolution it says nothing
	if c, err = Compare(runs, ""); err != nil || strings.Join(c.Settings, " ") != "conv.kind" || len(c.Groups) != 2 {
		t.Errorf("%v: %+v", err, c.Settings)
	}
	if c, err = Compare(runs, "dyn"); err != nil || c.Differences[0].Over != "dyn" {
		t.Errorf("%v", err)
	}
	if _, err = Compare(runs, "x"); err == nil || !strings.Contains(err.Error(), "base and dyn") {
		t.Errorf("%v", err)
	}
}

// Steps to an accuracy are compared where a run gets there: else they are the ends of the runs.
func TestCompareSteps(t *testing.T) {
	runs := join(accuracies("s", "base", 0.2, 0.3), accuracies("s", "dyn", 0.2, 0.3))
	train := func(r *Run, accuracy float64) {
		for i := range r.Curve {
			r.Curve[i].Accuracy = accuracy
		}
	}
	for _, r := range runs {
		if r.Variant == "dyn" {
			r.Config.Conv.Kind = "dynamic"
		}
		train(r, 0.2)
	}
	for _, learns := range []bool{false, true} {
		if learns {
			train(runs[len(runs)-1], 1)
		}
		c, err := Compare(runs, "")
		if err != nil {
			t.Fatal(err)
		}
		there := slices.ContainsFunc(c.Differences, func(d Difference) bool { return d.Measure == measures["steps"].name })
		if there != learns {
			t.Errorf("a run learns: %v; steps are compared: %v", learns, there)
		}
	}
}

// Without a name, the ladder is the sweep of most sizes whose loss counts.
func TestLadderWithoutAName(t *testing.T) {
	sizes := func(sweep string, params ...float64) (out []*Run) {
		for i, p := range params {
			out = append(out, made{sweep: sweep, variant: "base", size: string(rune('a' + i)), seed: 1, loss: 4, params: p}.run())
		}
		return out
	}
	tuned, ladder, other := sizes("tuned", 1e5), sizes("ladder", 1e5, 2e5), sizes("other", 1e5, 2e5)
	recall := accuracies("recall", "base", 1, 1, 1)
	for _, c := range []struct {
		runs []*Run
		want string
		err  string
	}{
		{join(tuned, recall), "tuned", ""},
		{join(tuned, ladder, recall), "ladder", ""},
		{join(ladder, other, tuned), "", "--sweep names one of ladder and other"},
		{recall, "", "dsconv sweep makes some"},
	} {
		got, err := (&Found{Runs: c.runs}).ladder()
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("got %q, %v, want %q, %q", got, err, c.want, c.err)
		}
	}
}
