package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// madeStepTimes are step times of base at 10 ms and of dyn at so many percent more, by round.
func madeStepTimes(percent ...float64) *StepTimes {
	s := &StepTimes{Model: "27m", Machine: "2 cores, test", Command: "dsconv bench step", PerRound: 4, Tokens: 1024}
	base, dyn := StepVariant{Variant: "base", Params: 3.8e5}, StepVariant{Variant: "dyn", Params: 4e5}
	for i, p := range percent {
		ms := 10 * (1 + 0.3*float64(i%3)) // other programs slow whole rounds down, which must not matter
		base.RoundMs, dyn.RoundMs = append(base.RoundMs, ms), append(dyn.RoundMs, ms*(1+p/100))
	}
	s.Variants = []StepVariant{base, dyn}
	return s
}

// The verdict on a bound of 8 %, from made-up rounds on both sides of it.
func TestSlowdownVerdict(t *testing.T) {
	claim := Claim{ID: "x", Rule: "overhead", Of: "dyn", Over: []string{"base"}, Most: 8}
	wide := claim
	wide.Of = "dynall"
	for _, c := range []struct {
		name  string
		claim Claim
		steps *StepTimes
		want  Verdict
		why   string
	}{
		{"not measured", claim, nil, NotRun, "no step times of dyn and base"},
		{"another variant", wide, madeStepTimes(1, 2, 3, 4, 5, 6), NotRun, "no step times of dynall and base"},
		{"below", claim, madeStepTimes(7.2, 7.4, 7.1, 7.6, 7.3, 7.5, 7.4, 7.4), Reproduced, "median over 8 rounds is +7.4 %, 95 % interval +7.1 to +7.6; the bound is 8 %"},
		{"above", claim, madeStepTimes(8.4, 8.9, 8.5, 8.6, 8.7, 8.3, 8.8, 9), NotReproduced, "interval +8.3 to +9.0"},
		{"on the line", claim, madeStepTimes(7.9, 8.1, 7.8, 8.2, 8.1, 7.9, 8.3, 7.7), Inconclusive, "holds the bound"},
		{"few rounds", claim, madeStepTimes(1, 1, 1, 1, 1), Inconclusive, "six rounds are the fewest"},
		{"rounds that something disturbed", claim, madeStepTimes(5, 5.1, 4.9, 5, 250, 5.2, 5, 4.8, -60, 5.1, 5, 5), Reproduced, "+4.9 to +5.1"},
		{"faster", claim, madeStepTimes(-3, -2, -4, -3, -2, -1), Reproduced, "−4.0 to −1.0"},
	} {
		r := judge([]Claim{c.claim}, evidence{steps: c.steps})[0]
		if r.Verdict != c.want || !strings.Contains(r.Why, c.why) {
			t.Errorf("%s: %s: %s\nwant %s, %q", c.name, r.Verdict, r.Why, c.want, c.why)
		}
		if c.want != NotRun && (r.N != len(c.steps.Variants[0].RoundMs) || !strings.Contains(r.Sizes, "380k parameters; 2 cores, test")) {
			t.Errorf("%s: n=%d, sizes %q", c.name, r.N, r.Sizes)
		}
	}
}

func TestSlowdownFigure(t *testing.T) {
	f, err := slowdownFigure(madeStepTimes(5, 6))
	if err != nil {
		t.Fatal(err)
	}
	want := "variant,round,ms,base_ms,percent_slower\ndyn,1,10.5,10,5\ndyn,2,13.78,13,6\n"
	if f.CSV() != want || f.Command != "dsconv bench step" {
		t.Errorf("command %q, data\n%s\nwant\n%s", f.Command, f.CSV(), want)
	}
	if f, err := slowdownFigure(nil); f != nil || err != nil {
		t.Errorf("without step times: %v, %v", f, err)
	}
}

func TestStepTimesFile(t *testing.T) {
	dir := t.TempDir()
	if s, err := ReadStepTimes(dir); s != nil || err != nil {
		t.Errorf("an empty folder: %v, %v", s, err)
	}
	s := madeStepTimes(1, 2)
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, StepTimesFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(b.String())
	got, err := ReadStepTimes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, got); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	// A file that cannot be read costs its rows, not the report.
	write(b.String()[:40])
	found, err := Load(dir)
	if err != nil || found.Steps != nil || len(found.Others) != 1 || !strings.Contains(found.Others[0].Why, "remove it, and dsconv reproduce measures again") {
		t.Errorf("a torn file: %+v, %v", found, err)
	}
	write(b.String() + strings.Repeat(" ", mostStepTimes))
	if _, err := ReadStepTimes(dir); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a file without end: %v", err)
	}
}

func TestStepTimesSame(t *testing.T) {
	s := madeStepTimes(1)
	for name, change := range map[string]func(*StepTimes){
		"version":  func(o *StepTimes) { o.Version = "v2" },
		"machine":  func(o *StepTimes) { o.Machine = "64 cores" },
		"settings": func(o *StepTimes) { o.Settings = "abc" },
	} {
		o := *s
		if !s.Same(&o) {
			t.Fatal("equal step times are not the same")
		}
		if change(&o); s.Same(&o) {
			t.Errorf("another %s is the same", name)
		}
	}
}

func TestStepTimesAreRefused(t *testing.T) {
	for want, text := range map[string]string{
		"no variant":    `{}`,
		"unknown field": `{"variant": []}`,
		`variant "b" has 2 rounds, the first has 1`: `{"variants": [{"variant": "a", "round_ms": [1]}, {"variant": "b", "round_ms": [1, 2]}]}`,
		`variant "a" has a round of 0 ms`:           `{"variants": [{"variant": "a", "round_ms": [0]}]}`,
		`variant "a" stands twice`:                  `{"variants": [{"variant": "a", "round_ms": [1]}, {"variant": "a", "round_ms": [1]}]}`,
		`variant "a" has 0 rounds, the first has 0`: `{"variants": [{"variant": "a"}]}`,
	} {
		if _, err := parseStepTimes([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func FuzzParseStepTimes(f *testing.F) {
	var b bytes.Buffer
	if err := madeStepTimes(1, 2, 3).Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(`{"variants": [{"variant": "a", "round_ms": [1e308]}, {"variant": "base", "round_ms": [1e-308]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStepTimes([]byte(text))
		if err != nil {
			return
		}
		judge([]Claim{{Rule: "overhead", Of: s.Variants[0].Variant, Over: []string{"base"}, Most: 8}}, evidence{steps: s})
		if _, err := slowdownFigure(s); err != nil {
			t.Error(err)
		}
	})
}
