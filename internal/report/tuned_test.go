package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// tuned makes a MAD run of one setting and learning rate.
func tuned(variant, setting, rate string, accuracy float64) *Run {
	r := made{sweep: "s", variant: variant, seed: 1, accuracy: accuracy}.run()
	r.Axes["setting"], r.Axes["optim.lr"] = setting, rate
	return r
}

// The best run counts in each setting, and the score is the mean over settings.
func TestScore(t *testing.T) {
	runs := []*Run{
		tuned("dyn", "a", "1e-4", 0.2), tuned("dyn", "a", "1e-3", 0.9), tuned("dyn", "b", "1e-4", 0.5), tuned("dyn", "b", "1e-3", 0.3),
		tuned("static", "a", "1e-4", 0.4), tuned("static", "a", "1e-3", 0.1), tuned("static", "b", "1e-4", 0.1), tuned("static", "b", "1e-3", 0.2),
	}
	m := measures["score"]
	top := best(runs, m)
	for variant, want := range map[string]float64{"dyn": 0.7, "static": 0.3} {
		if got, n := score(pick(top, "", variant), m); math.Abs(got-want) > 1e-12 || n != 2 {
			t.Errorf("%s: %v over %d settings, want %v over 2", variant, got, n, want)
		}
	}
	if text := scoreText("dyn", pick(top, "", "dyn"), m); text != "dyn 0.700 (mean of 2 settings, best of 2 runs each)" {
		t.Error(text)
	}
	if runs[0].Axes["optim.lr"] == "" || runs[0].Tried != 0 {
		t.Error("the runs themselves were changed")
	}
}

// A setting counts with the median of its seeds, of which one may fall into another heap.
func TestScoreTakesMedians(t *testing.T) {
	if got, n := score(accuracies("s", "dyn", 1, 0.9, 0.1), measures["score"]); got != 0.9 || n != 1 {
		t.Errorf("%v over %d settings", got, n)
	}
}

// What is looked into is the largest setting, whatever it is called.
func TestLargestSetting(t *testing.T) {
	small, large := made{sweep: "s", variant: "dyn", size: "z", params: 1e5}.run(), made{sweep: "s", variant: "dyn", size: "a", params: 1e6}.run()
	if cell, runs := largest([]*Run{large, small}); cell != "size=a" || len(runs) != 1 || runs[0] != large {
		t.Errorf("%s, %d runs", cell, len(runs))
	}
}

// A variant of which less is finished is held against the same tunings only, and runs
// of a sweep without tuning are all kept.
func TestBestComparesLikeWithLike(t *testing.T) {
	m := measures["score"]
	top := best([]*Run{tuned("dyn", "a", "1e-4", 0.2), tuned("dyn", "a", "1e-3", 0.9), tuned("static", "a", "1e-4", 0.4)}, m)
	if len(top) != 2 || top[0].Last().EvalAccuracy != 0.2 || top[0].Tried != 1 {
		t.Errorf("%d runs, the first %v", len(top), top[0].Last().EvalAccuracy)
	}
	if top = best([]*Run{tuned("dyn", "a", "1e-3", 0.9), tuned("static", "a", "1e-4", 0.4)}, m); len(top) != 0 {
		t.Errorf("%d runs of different tunings", len(top))
	}
	plain := join(accuracies("s", "dyn", 1, 0.2, 0.3), accuracies("s", "base", 0.1, 0.2))
	if top = best(plain, m); len(top) != len(plain) {
		t.Errorf("%d of %d runs", len(top), len(plain))
	}
	// A loss is best where it is lowest, and one that is no number never is.
	low, high, none := losses("s", "dyn", "", 3)[0], losses("s", "dyn", "", 4)[0], losses("s", "dyn", "", math.NaN())[0]
	low.Axes["optim.lr"], high.Axes["optim.lr"], none.Axes["optim.lr"] = "1", "2", "3"
	if top = best([]*Run{high, low, none}, measures["tuned-loss"]); len(top) != 1 || top[0].Last().EvalLoss != 3 {
		t.Errorf("%+v", top)
	}
}

// The claim on MAD's score, on both sides of its line: five settings, of which each
// variant's best rate is another one.
func TestScoreVerdict(t *testing.T) {
	c := Claim{ID: "x", Sweep: "s", Rule: "better", Measure: "score", Of: "dyn", Over: []string{"static"}, Margin: 0.05}
	for _, x := range []struct {
		dyn, static float64
		want        Verdict
		ours        string
	}{
		{0.7, 0.3, Reproduced, "dyn 0.740 (mean of 5 settings, best of 2 runs each); static 0.340 (mean of 5 settings, best of 2 runs each)"},
		{0.3, 0.7, NotReproduced, "dyn 0.340"},
	} {
		var runs []*Run
		for i := range 5 {
			setting, more := fmt.Sprint(i), float64(i)/50
			runs = append(runs, tuned("dyn", setting, "1", x.dyn+more), tuned("dyn", setting, "2", 0), tuned("static", setting, "1", 0), tuned("static", setting, "2", x.static+more))
		}
		r := judge([]Claim{c}, evidence{runs: runs})[0]
		if r.Verdict != x.want || r.N != 5 || !strings.HasPrefix(r.Ours, x.ours) {
			t.Errorf("%s, n=%d: %s", r.Verdict, r.N, r.Ours)
		}
	}
}

func TestReachesVerdict(t *testing.T) {
	c := Claim{ID: "x", Sweep: "s", Rule: "reaches", Measure: "score", Of: "base", Value: 0.99}
	for _, x := range []struct {
		name string
		runs []*Run
		want Verdict
		why  string
	}{
		{"no run", []*Run{tuned("dyn", "a", "1", 1)}, NotRun, "no finished run of base"},
		{"the best rate gets there", []*Run{tuned("base", "a", "1", 0.2), tuned("base", "a", "2", 0.991)}, Reproduced, "base setting=a 0.991"},
		{"one setting does not", []*Run{tuned("base", "a", "1", 0.995), tuned("base", "b", "1", 0.6)}, NotReproduced, "base setting=b 0.600 does not get to 0.990"},
	} {
		if r := judge([]Claim{c}, evidence{runs: x.runs})[0]; r.Verdict != x.want || !strings.Contains(r.Why, x.why) {
			t.Errorf("%s: %s: %s", x.name, r.Verdict, r.Why)
		}
	}
}

// A task of MAD has no pairs: its floor is that of the tokens that a label can be.
func TestRecallCellsOfMAD(t *testing.T) {
	runs := []*Run{tuned("dyn", "a", "1", 0.4), tuned("dyn", "a", "2", 0.6)}
	for _, r := range runs {
		r.Config.Task.Kind, r.Config.Task.Vocab = "mad-fuzzy", 16
	}
	cells := recallCells(runs)
	if len(cells) != 1 || cells[0].Floor != 0.125 || cells[0].BestOf != 2 || cells[0].Accuracy.Median != 0.6 {
		t.Errorf("%+v", cells)
	}
}

// The scores of the tasks and their mean, which only a variant with all tasks has.
func TestScores(t *testing.T) {
	of := func(kind string, r *Run) *Run {
		r.Config.Task.Kind, r.Config.Task.Vocab = kind, 16
		return r
	}
	runs := []*Run{
		of("mad-fuzzy", tuned("dyn", "a", "1", 0.4)), of("mad-fuzzy", tuned("dyn", "a", "2", 0.6)), of("mad-fuzzy", tuned("dyn", "b", "1", 0.8)),
		of("mad-copy", tuned("dyn", "c", "1", 0.9)), of("mad-copy", tuned("base", "c", "1", 0.1)),
	}
	var got []string
	for _, s := range scores(append(runs, accuracies("other", "dyn", 1, 1)...)) {
		got = append(got, fmt.Sprintf("%s %s %.3f over %d, guess %.3f", s.Variant, s.Task, s.Score, s.Settings, s.Floor))
	}
	want := "base mad-copy 0.100 over 1, guess 0.071; dyn mad-copy 0.900 over 1, guess 0.071; dyn mad-fuzzy 0.700 over 2, guess 0.125; dyn all tasks 0.800 over 3, guess 0.098"
	if text := strings.Join(got, "; "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// Every setting of a recall sweep has a drawing, at its best tuning; very many have one.
func TestDrawnCells(t *testing.T) {
	runs := []*Run{tuned("dyn", "a", "1", 0.4), tuned("dyn", "a", "2", 0.6), tuned("dyn", "b", "1", 0.8)}
	cells := drawnCells(runs)
	if len(cells) != 2 || len(cells[0]) != 1 || cells[0][0].Last().EvalAccuracy != 0.6 {
		t.Fatalf("%d settings", len(cells))
	}
	if f, err := recallRanges(cells[1], "s"); err != nil || f.ID != "s-recall-setting-b" {
		t.Errorf("%+v, %v", f, err)
	}
	for i := range mostDrawn {
		runs = append(runs, tuned("dyn", fmt.Sprint(i), "1", 0.1))
	}
	if cells = drawnCells(runs); len(cells) != 1 {
		t.Errorf("%d of %d settings", len(cells), mostDrawn+2)
	}
	if cells = drawnCells(losses("s", "base", "a", 1)); cells != nil {
		t.Error("language has recall")
	}
}
