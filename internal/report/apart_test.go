package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dsconv/internal/config"
)

// cell makes runs of the seeds from 1 to n, at a size, that train some steps.
func cell(variant, size string, n, steps int, change ...func(*config.Config)) (out []*Run) {
	for i := range n {
		r := made{sweep: "s", variant: variant, size: size, seed: int64(i + 1), accuracy: float64(steps) / 1e4}.run()
		r.Config.Train.Steps = steps
		r.FLOPs *= float64(steps)
		for _, f := range change {
			f(r.Config)
		}
		out = append(out, r)
	}
	return out
}

func all(groups ...[]*Run) (out []*Run) {
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}

// TestKeepComparable gives for each folder what counts (variant, size and steps) and what
// is said of the rest.
func TestKeepComparable(t *testing.T) {
	free := func(c *config.Config) { c.Memory.Recompute, c.Checkpoint.Every, c.Threads = "block", 7, 3 }
	lr := func(c *config.Config) { c.Optim.LR = 0.5 }
	for name, c := range map[string]struct {
		runs  []*Run
		count string
		say   []string
	}{
		"nothing": {},
		"one setting, whose variants and sizes differ by design": {
			runs:  all(cell("base", "s", 2, 10), cell("base-long", "s", 2, 12), cell("base", "m", 2, 20), cell("base-long", "m", 2, 24)),
			count: "base m 20 x2, base s 10 x2, base-long m 24 x2, base-long s 12 x2",
		},
		"a run by hand": {
			runs:  all(cell("base", "", 3, 200), cell("dyn", "", 3, 200), cell("base", "", 1, 10)),
			count: "base  200 x3, dyn  200 x3",
			say:   []string{"sweep s: 1 run left out (runs/x/s-base): train.steps=10, where the runs that count have train.steps=200"},
		},
		"more runs by hand than by the sweep, of one variant": {
			runs:  all(cell("base", "", 1, 200), cell("dyn", "", 1, 200), cell("base", "", 5, 10)),
			count: "base  200 x1, dyn  200 x1",
			say:   []string{"sweep s: 5 runs left out (runs/x/s-base): train.steps=10, where the runs that count have train.steps=200"},
		},
		"a trial of the whole sweep with fewer steps": {
			runs:  all(cell("base", "s", 2, 10), cell("dyn", "s", 2, 10), cell("base", "s", 2, 200), cell("dyn", "s", 2, 200), cell("base", "m", 2, 300), cell("dyn", "m", 2, 300), cell("base", "m", 2, 10), cell("dyn", "m", 2, 10)),
			count: "base m 300 x2, base s 200 x2, dyn m 300 x2, dyn s 200 x2",
			say: []string{
				"sweep s: 4 runs left out (runs/x/s-base): train.steps=10, where the runs that count have train.steps=200",
				"sweep s: 4 runs left out (runs/x/s-base): train.steps=10, where the runs that count have train.steps=300",
			},
		},
		"a variant that was run in the other setting only": {
			runs:  all(cell("base", "", 2, 200), cell("base", "", 2, 10), cell("dyn", "", 2, 200), cell("static", "", 2, 10)),
			count: "base  200 x2, dyn  200 x2",
			say:   []string{"sweep s: 4 runs left out (runs/x/s-base): train.steps=10, where the runs that count have train.steps=200"},
		},
		"a variant whose steps are its own": {
			runs:  all(cell("base", "", 2, 200), cell("base", "", 1, 10), cell("dyn", "", 2, 200), cell("base-long", "", 2, 240)),
			count: "base  200 x2, base-long  240 x2, dyn  200 x2",
			say:   []string{"sweep s: 1 run left out (runs/x/s-base): train.steps=10, where the runs that count have train.steps=200"},
		},
		"a profile of two keys": {
			runs:  all(cell("base", "", 2, 200), cell("dyn", "", 2, 200), cell("dyn", "", 1, 10, lr)),
			count: "base  200 x2, dyn  200 x2",
			say:   []string{"sweep s: 1 run left out (runs/x/s-dyn): optim.lr=0.5 train.steps=10, where the runs that count have optim.lr=0.001 train.steps=200"},
		},
		"keys that change no result, and a run made twice": {
			runs:  all(cell("base", "", 2, 200), cell("base", "", 1, 200, free), cell("dyn", "", 2, 200, free)),
			count: "base  200 x2, dyn  200 x2",
			say:   []string{"sweep s: 1 run left out (runs/x/s-base): the same run is there twice"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &Found{Runs: c.runs}
			// Runs of no sweep are nobody's to compare.
			lone := made{variant: "dynamic", seed: 1}.run()
			f.Runs = append(f.Runs, lone)
			if err := f.KeepComparable(); err != nil {
				t.Fatal(err)
			}
			if last := f.Runs[len(f.Runs)-1]; last != lone {
				t.Error("the run of no sweep is gone")
			}
			if diff := cmp.Diff(c.count, counted(f.Runs[:len(f.Runs)-1])); diff != "" {
				t.Error(diff)
			}
			var say []string
			for _, a := range f.Apart {
				say = append(say, a.String())
			}
			if diff := cmp.Diff(c.say, say); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// counted says which runs there are.
func counted(runs []*Run) string {
	n := map[string]int{}
	for _, r := range runs {
		n[fmt.Sprintf("%s %s %d", r.Variant, r.Axes["size"], r.Config.Train.Steps)]++
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(n)) {
		out = append(out, fmt.Sprintf("%s x%d", k, n[k]))
	}
	return strings.Join(out, ", ")
}

// A verdict over a folder with a run by hand is that of the folder without it.
func TestVerdictWithoutRunsByHand(t *testing.T) {
	clean := all(cell("base", "", 5, 200), cell("dyn", "", 5, 400, func(c *config.Config) { c.Train.Steps = 200 }))
	mixed := all(cell("base", "", 5, 10), clean)
	before := pair(mixed, "s", "dyn", "base", measures["accuracy"]).gain(measures["accuracy"])
	f := &Found{Runs: mixed}
	if err := f.KeepComparable(); err != nil {
		t.Fatal(err)
	}
	want := pair(clean, "s", "dyn", "base", measures["accuracy"]).gain(measures["accuracy"])
	got := pair(f.Runs, "s", "dyn", "base", measures["accuracy"]).gain(measures["accuracy"])
	if before.Mean == want.Mean {
		t.Error("runs by hand change nothing, so this test tells nothing")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
