package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dsconv/internal/scaling"
	"dsconv/internal/stats"
)

func join(lists ...[]*Run) []*Run { return slices.Concat(lists...) }

// Every rule, with made-up runs on both sides of its line.
func TestVerdicts(t *testing.T) {
	acc := Claim{ID: "x", Sweep: "s", Rule: "better", Measure: "accuracy", Of: "dyn", Over: []string{"static"}, Margin: 0.02}
	chain := acc
	chain.Over = []string{"static", "base"}
	score := acc
	score.Measure = "score"
	loss := Claim{ID: "x", Sweep: "s", Rule: "better", Measure: "loss", Of: "dyn", Over: []string{"base"}, Margin: 0.002}
	attribution := Claim{ID: "x", Sweep: "s", Rule: "attribution", Measure: "steps", Of: "dyn", Over: []string{"static"}, Controls: []string{"shuffled"}, Lack: "which lacks it"}
	best := Claim{ID: "x", Sweep: "s", Rule: "best", Measure: "accuracy", Of: "dyn", Over: []string{"static", "base"}, Margin: 0.02}
	share := Claim{ID: "x", Sweep: "s", Rule: "share", Measure: "loss", Of: "dyn", Over: []string{"base"}, Controls: []string{"gate"}}
	for _, c := range []struct {
		name  string
		claim Claim
		runs  []*Run
		want  Verdict
		why   string
	}{
		{"no runs", acc, nil, NotRun, "no finished pair"},
		{"other sweep", acc, join(accuracies("other", "dyn", 1, 1, 1), accuracies("other", "static", 0, 0, 0)), NotRun, "no finished pair"},
		{"one seed", acc, join(accuracies("s", "dyn", 1), accuracies("s", "static", 0.2)), Inconclusive, "one seed"},
		{"two seeds can never tell", acc, join(accuracies("s", "dyn", 1, 1), accuracies("s", "static", 0.2, 0.3)), Inconclusive, "two seeds cannot tell; 1 more may settle it"},
		{"three of three above", acc, join(accuracies("s", "dyn", 1, 0.99, 0.98), accuracies("s", "static", 0.2, 0.3, 0.97)), Reproduced, "p=0.050"},
		{"one of three too low", acc, join(accuracies("s", "dyn", 1, 0.99, 0.9), accuracies("s", "static", 0.2, 0.3, 0.97)), Inconclusive, "within noise"},
		{"reversed", acc, join(accuracies("s", "dyn", 0.1, 0.2, 0.3), accuracies("s", "static", 0.9, 0.8, 0.7)), NotReproduced, "the other way round"},
		{"too easy", acc, join(accuracies("s", "dyn", 1, 1, 0.995), accuracies("s", "static", 1, 1, 1)), Inconclusive, "too easy"},
		{"equal within the margin", acc, join(accuracies("s", "dyn", 0.500, 0.501, 0.502), accuracies("s", "static", 0.501, 0.5005, 0.5015)), NotReproduced, "no gain"},
		{"above for sure, but by less than the margin", acc, join(accuracies("s", "dyn", 0.510, 0.513, 0.512), accuracies("s", "static", 0.505, 0.506, 0.507)), NotReproduced, "no gain"},
		{"too easy by the score", score, join(accuracies("s", "dyn", 1, 1, 0.995), accuracies("s", "static", 1, 1, 1)), Inconclusive, "too easy"},
		{"the score of one setting, by seeds", score, join(accuracies("s", "dyn", 1, 0.99, 0.98), accuracies("s", "static", 0.2, 0.3, 0.97)), Reproduced, "n=3, exact p=0.050"},
		{"equal, but two seeds only", acc, join(accuracies("s", "dyn", 0.5, 0.5), accuracies("s", "static", 0.5, 0.5)), Inconclusive, "equal on every seed"},
		{"chain holds", chain, join(accuracies("s", "dyn", 1, 0.99, 0.98), accuracies("s", "static", 0.6, 0.7, 0.8), accuracies("s", "base", 0.3, 0.4, 0.2)), Reproduced, ""},
		{"chain breaks below", chain, join(accuracies("s", "dyn", 1, 0.99, 0.98), accuracies("s", "static", 0.6, 0.7, 0.8), accuracies("s", "base", 0.91, 0.92, 0.93)), NotReproduced, "base beats static"},
		{"best of all, whose others stand in no order", best, join(accuracies("s", "dyn", 1, 0.99, 0.98), accuracies("s", "static", 0.6, 0.7, 0.8), accuracies("s", "base", 0.91, 0.92, 0.93)), Reproduced, "dyn beats base"},
		{"one is as good", best, join(accuracies("s", "dyn", 0.91, 0.92, 0.93), accuracies("s", "static", 0.6, 0.7, 0.8), accuracies("s", "base", 0.91, 0.92, 0.93)), NotReproduced, "no gain of dyn over base"},
		{"chain lacks a link", chain, join(accuracies("s", "dyn", 1, 0.99, 0.98), accuracies("s", "static", 0.6, 0.7, 0.8)), Inconclusive, "no finished pair"},
		{"lower loss over sizes", loss, join(losses("s", "dyn", "a", 3.9, 3.91, 3.92), losses("s", "dyn", "b", 3.5, 3.51, 3.52), losses("s", "base", "a", 4, 4.01, 4.03), losses("s", "base", "b", 3.6, 3.62, 3.61)), Reproduced, "n=3"},
		{"two seeds of three sizes are two outcomes", loss, join(losses("s", "dyn", "a", 3.9, 3.91), losses("s", "dyn", "b", 3.5, 3.51), losses("s", "dyn", "c", 3.1, 3.11), losses("s", "base", "a", 4, 4.01), losses("s", "base", "b", 3.6, 3.61), losses("s", "base", "c", 3.2, 3.21)), Inconclusive, "two seeds cannot tell"},
		{"nothing learned", acc, join(accuracies("s", "dyn", 0.13, 0.14, 0.15), accuracies("s", "static", 0.1, 0.11, 0.12)), Inconclusive, "too hard"},
		{"nothing learned by loss", loss, join(losses("s", "dyn", "a", 5.1, 5.1, 5.1), losses("s", "base", "a", 5.4, 5.4, 5.5)), Inconclusive, "too hard"},
		{"something learned by loss", loss, join(losses("s", "dyn", "a", 4.9, 4.9, 4.9), losses("s", "base", "a", 5.4, 5.4, 5.5)), Reproduced, ""},
		{"a tenth of the way to the generator's own loss", loss, floored(5, losses("s", "dyn", "a", 5.48, 5.48, 5.48), losses("s", "base", "a", 5.5, 5.51, 5.52)), Reproduced, ""},
		{"loss in noise", loss, join(losses("s", "dyn", "a", 3.9, 4.1, 3.9), losses("s", "dyn", "b", 3.5, 3.7, 3.5), losses("s", "base", "a", 4, 4, 4), losses("s", "base", "b", 3.6, 3.6, 3.6)), Inconclusive, "within noise"},
		{"seeds that do not match", loss, join(losses("s", "dyn", "a", 3.9), losses("s", "base", "b", 4)), NotRun, ""},
		{"control as fast", attribution, join(steps("s", "dyn", 30, 32, 34), steps("s", "static", 80, 82, 84), steps("s", "shuffled", 31, 33, 35)), NotReproduced, "more than half"},
		{"control slow", attribution, join(steps("s", "dyn", 30, 32, 34), steps("s", "static", 80, 82, 84), steps("s", "shuffled", 70, 72, 74)), Reproduced, ""},
		{"control in between", attribution, join(steps("s", "dyn", 30, 32, 34), steps("s", "static", 80, 82, 84), steps("s", "shuffled", 30, 60, 84)), Inconclusive, ""},
		{"nothing to explain", attribution, join(steps("s", "dyn", 30, 90, 34), steps("s", "static", 31, 82, 35), steps("s", "shuffled", 30, 60, 84)), Inconclusive, "no clear gain"},
		{"gate keeps most", share, join(losses("s", "dyn", "a", 3, 3, 3, 3, 3), losses("s", "base", "a", 4, 4, 4, 4, 4), losses("s", "gate", "a", 3.3, 3.3, 3.2, 3.4, 3.3)), Reproduced, "more than half"},
		{"gate keeps little", share, join(losses("s", "dyn", "a", 3, 3, 3, 3, 3), losses("s", "base", "a", 4, 4, 4, 4, 4), losses("s", "gate", "a", 3.8, 3.8, 3.9, 3.7, 3.8)), NotReproduced, "less than half"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := judge([]Claim{c.claim}, evidence{runs: c.runs})[0]
			if r.Verdict != c.want || !strings.Contains(r.Why, c.why) {
				t.Errorf("%s: %s\nwant %s, %q", r.Verdict, r.Why, c.want, c.why)
			}
		})
	}
}

func TestAdvantageVerdict(t *testing.T) {
	c := Claim{ID: "x", Sweep: "s", Rule: "advantage", Of: "dyn", Over: []string{"base"}, Value: 1.33}
	for _, x := range []struct {
		low, high float64
		code      scaling.Code
		want      Verdict
	}{
		{1.1, 1.5, scaling.FewSizes, Reproduced},
		{0.9, 1.5, scaling.FewSizes, Inconclusive},
		{0.7, 0.9, scaling.FewSizes, NotReproduced},
		{1.1, 1.5, scaling.Apart, Inconclusive},
		{1.1, 1.5, scaling.LossBound, Inconclusive},
		{1.1, 1.5, scaling.Drift, Inconclusive},
		{0.7, 0.9, scaling.Misfit, Inconclusive},
	} {
		f := &scaling.Result{Base: "base", Advantages: []scaling.Advantage{{Variant: "dyn", Advantage: (x.low + x.high) / 2, Low: stats.Bound(x.low), High: stats.Bound(x.high), Runs: 6}}}
		f.Warnings = []scaling.Warning{{Code: x.code, Variant: "dyn", Message: "a doubt"}}
		r := judge([]Claim{c}, evidence{fits: map[string]*scaling.Result{"s": f}})[0]
		if r.Verdict != x.want || len(r.Notes) != 1 {
			t.Errorf("%+v: %s: %s, notes %q", x, r.Verdict, r.Why, r.Notes)
		}
	}
	if r := judge([]Claim{c}, evidence{})[0]; r.Verdict != NotRun {
		t.Errorf("no fit: %s", r.Verdict)
	}
	other := &scaling.Result{Base: "static", Advantages: []scaling.Advantage{{Variant: "dyn", Advantage: 1.3, Low: 1.1, High: 1.5}}}
	if r := judge([]Claim{c}, evidence{fits: map[string]*scaling.Result{"s": other}})[0]; r.Verdict != NotRun {
		t.Errorf("an advantage over another variant: %s", r.Verdict)
	}
}

// Doubts of all variants, of the claim's and of base count, those of others do not.
func TestAdvantageDoubts(t *testing.T) {
	c := Claim{ID: "x", Sweep: "s", Rule: "advantage", Of: "dyn", Over: []string{"base"}, Value: 1.33}
	for variant, want := range map[string]Verdict{"": Inconclusive, "dyn": Inconclusive, "base": Inconclusive, "dynall": Reproduced} {
		f := &scaling.Result{Base: "base", Advantages: []scaling.Advantage{{Variant: "dyn", Advantage: 1.3, Low: 1.1, High: 1.5}}}
		f.Warnings = []scaling.Warning{{Code: scaling.Misfit, Variant: variant, Message: "a doubt"}}
		r := judge([]Claim{c}, evidence{fits: map[string]*scaling.Result{"s": f}})[0]
		if r.Verdict != want || (len(r.Notes) == 0) != (want == Reproduced) {
			t.Errorf("a doubt of %q: %s, notes %q", variant, r.Verdict, r.Notes)
		}
	}
}

// The words of a claim have the numbers that its verdict is computed by.
func TestClaimsSayTheirNumbers(t *testing.T) {
	claims, err := Claims()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		if c.Margin > 0 && !strings.Contains(c.Verdict, fmt.Sprintf("room for %g", c.Margin)) {
			t.Errorf("%s: the margin is %g, but the rule says: %s", c.ID, c.Margin, c.Verdict)
		}
		if c.Margin == 0 && strings.Contains(c.Verdict, "room for") {
			t.Errorf("%s: there is no margin, but the rule says: %s", c.ID, c.Verdict)
		}
		if c.Most > 0 && !strings.Contains(c.Claim, fmt.Sprintf("at most %g %%", c.Most)) {
			t.Errorf("%s: the bound is %g, but the claim: %s", c.ID, c.Most, c.Claim)
		}
		if said := c.Claim + " " + c.Paper; c.Value > 0 && !strings.Contains(said, fmt.Sprintf("%g", c.Value)) {
			t.Errorf("%s: the value is %g, but the words: %s", c.ID, c.Value, said)
		}
	}
}

// The published count comes out of the shape, and a wrong one does not.
func TestParametersVerdict(t *testing.T) {
	claims, err := Claims()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(claims, func(c Claim) bool { return c.Rule == "parameters" })
	c := claims[i]
	if r := judge([]Claim{c}, evidence{})[0]; r.Verdict != Reproduced || !strings.Contains(r.Ours, "305M") {
		t.Errorf("%s: %s, %s", r.Verdict, r.Why, r.Ours)
	}
	c.Value = 1.40
	if r := judge([]Claim{c}, evidence{})[0]; r.Verdict != NotReproduced {
		t.Errorf("1.40 %% is %s", r.Verdict)
	}
}

// Without a single run, every claim that needs runs is not run.
func TestClaimsWithoutRuns(t *testing.T) {
	claims, err := Claims()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range judge(claims, evidence{}) {
		if r.Rule != "parameters" && (r.Verdict != NotRun || r.Why == "") {
			t.Errorf("%s: %s %q", r.ID, r.Verdict, r.Why)
		}
	}
}

func TestClaimsAreRefused(t *testing.T) {
	const good = "- {id: a, claim: c, paper: p, source: s, sweep: w, rule: better, measure: loss, of: x, over: [y], verdict: v}\n"
	if _, err := parseClaims("f", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		`rule "bettr" is unknown; the rules are advantage, attribution, best, better, overhead, parameters, reaches, share`: strings.Replace(good, "better", "bettr", 1),
		`rule better needs the key of`: strings.Replace(good, "of: x, ", "", 1),
		`measure "los" is unknown`:     strings.Replace(good, "loss", "los", 1),
		`paper is missing`:             strings.Replace(good, "paper: p, ", "", 1),
		`stands twice`:                 good + good,
		`field colour not found`:       strings.Replace(good, "id: a", "id: a, colour: red", 1),
	} {
		if _, err := parseClaims("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzParseClaims(f *testing.F) {
	f.Add("- {id: a, claim: c, paper: p, source: s, sweep: w, rule: better, measure: loss, of: x, over: [y], verdict: v}\n")
	f.Add("- {id: a, claim: c, paper: p, source: s, sweep: w, rule: share, measure: steps, of: x, over: [y], controls: [z], verdict: v}\n")
	f.Add("- {id: a, claim: c, paper: p, source: s, sweep: w, rule: reaches, measure: tuned-loss, of: x, value: 1, verdict: v}\n")
	f.Add("- {id: a, claim: c, paper: p, source: s, rule: parameters, value: 1, model: {dim: 4}, conv: {kind: static}, verdict: v, command: c}\n")
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := parseClaims("f", []byte(text))
		if err != nil {
			return
		}
		for i := range claims {
			if claims[i].Rule != "parameters" { // its shape is the author's
				judge(claims[i:i+1], evidence{runs: join(losses("w", "x", "a", 1, 2), losses("w", "y", "a", 2, 3))})
			}
		}
	})
}

// A claim says how its runs were made: how long they are, and with which settings beside those
// of the sweep's file.
func TestClaimsSayHowTheirRunsWereMade(t *testing.T) {
	c := Claim{ID: "x", Sweep: "s", Rule: "better", Measure: "accuracy", Of: "dyn", Over: []string{"static"}}
	runs := join(accuracies("s", "dyn", 1, 1, 1), accuracies("s", "static", 0.2, 0.3, 0.4))
	for _, r := range runs {
		r.Config.Labels = map[string]string{"preset": "quick", "set": "train.steps=100 optim.lr=0.1"}
	}
	row := judge([]Claim{c.In("runs/x", runs)}, evidence{runs: runs})[0]
	const how = " --preset quick --set train.steps=100 --set optim.lr=0.1"
	if want := "100k parameters, 100 steps," + how; row.Sizes != want {
		t.Errorf("sizes: %s, want %s", row.Sizes, want)
	}
	if want := "dsconv sweep --config configs/sweeps/s.yaml --dir runs/x" + how; row.Command != want {
		t.Errorf("command: %s, want %s", row.Command, want)
	}
	// A folder may be called as the word that stands for it.
	if got, want := c.In("runs/DIR", nil).Command, "dsconv sweep --config configs/sweeps/s.yaml --dir runs/DIR/s"; got != want {
		t.Errorf("command: %s, want %s", got, want)
	}
	if got, want := (Claim{Command: "dsconv fit --runs DIR"}).In("runs/DIR", nil).Command, "dsconv fit --runs runs/DIR"; got != want {
		t.Errorf("command: %s, want %s", got, want)
	}
	runs[0].Config.Labels["preset"] = "day"
	if row := judge([]Claim{c}, evidence{runs: runs})[0]; row.Sizes != "100k parameters, 100 steps" {
		t.Errorf("runs made in two ways: %s", row.Sizes)
	}
}
