package report

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"dsconv/internal/config"
)

// Run is a finished run as the report sees it.
type Run struct {
	Dir     string
	Sweep   string
	Variant string
	Seed    int64
	Axes    map[string]string // values of the sweep's other axes
	Tried   int               // runs that this is the best of; 0: nobody chose
	Config  *config.Config

	Params float64
	FLOPs  float64 // of the whole training

	Curve []Sample // at least one; the last is the end
}

// Sample is one step of a run, see runs.Metric. Values that were not measured at
// the step are NaN.
type Sample struct {
	Step                     int
	Tokens                   float64
	Loss, Accuracy           float64 // of the training batch
	GradNorm, ConvGradNorm   float64
	EvalLoss, EvalAccuracy   float64
	Oracle                   float64
	TokensPerSecond, Seconds float64
}

// Last is the end of the run.
func (r *Run) Last() Sample { return r.Curve[len(r.Curve)-1] }

// cell names the setting that seeds and variants share: the values of the other
// axes, in order of their names.
func (r *Run) cell() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(r.Axes)) {
		parts = append(parts, k+"="+r.Axes[k])
	}
	return strings.Join(parts, " ")
}

// fits says whether both runs agree on every axis that both have, and one has all
// axes of the other.
func (r *Run) fits(o *Run) bool {
	common := 0
	for k, v := range r.Axes {
		if w, ok := o.Axes[k]; ok {
			if v != w {
				return false
			}
			common++
		}
	}
	return common == min(len(r.Axes), len(o.Axes))
}

// key names what paired runs have in common.
func (r *Run) key() string { return fmt.Sprintf("%s|%d", r.cell(), r.Seed) }

// isRecall says whether accuracy counts, as on all tasks but language and text.
func (r *Run) isRecall() bool { return !r.Config.Task.IsLM() }

// stepsWindow smooths the training accuracy before it is held against a threshold.
const stepsWindow = 5

// stepsTo is the first step after which the training accuracy, the mean of five
// batches, is at least floor. reached is false where it never was; the step is
// then the planned end of the run, a lower bound.
func (r *Run) stepsTo(floor float64) (step float64, reached bool) {
	sum := 0.0
	for i, s := range r.Curve {
		sum += s.Accuracy
		if i >= stepsWindow {
			sum -= r.Curve[i-stepsWindow].Accuracy
		}
		if i >= stepsWindow-1 && sum/stepsWindow >= floor {
			return float64(s.Step), true
		}
	}
	return math.Max(float64(r.Config.Train.Steps), float64(r.Last().Step)), false
}

// sortRuns orders runs so that everything drawn from them is the same each time.
func sortRuns(runs []*Run) {
	slices.SortStableFunc(runs, func(a, b *Run) int {
		return cmp.Or(cmp.Compare(a.Sweep, b.Sweep), cmp.Compare(a.Params, b.Params), cmp.Compare(a.cell(), b.cell()), cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Seed, b.Seed))
	})
}

// pick is the runs of one sweep and variant; an empty name is any.
func pick(runs []*Run, sweep, variant string) []*Run {
	var out []*Run
	for _, r := range runs {
		if (sweep == "" || r.Sweep == sweep) && (variant == "" || r.Variant == variant) {
			out = append(out, r)
		}
	}
	return out
}

// variantOrder lists variants the way the paper's argument goes; others follow by
// name.
var variantOrder = []string{"base", "static", "static-fast", "gate", "headwise", "lowrank", "dyn", "dynall", "shuffled", "constant"}

// trailing splits the number off a name such as "dyn rank=16".
func trailing(name string) (string, float64) {
	head, tail, ok := strings.Cut(name, "=")
	if v, err := strconv.ParseFloat(tail, 64); ok && err == nil {
		return head, v
	}
	return name, 0
}

// variantsOf lists the variants of runs.
func variantsOf(runs []*Run) []string {
	seen := map[string]bool{}
	for _, r := range runs {
		seen[r.Variant] = true
	}
	rank := func(v string) int {
		if i := slices.Index(variantOrder, v); i >= 0 {
			return i
		}
		return len(variantOrder)
	}
	names := slices.Collect(maps.Keys(seen))
	slices.SortFunc(names, func(a, b string) int {
		headA, numberA := trailing(a)
		headB, numberB := trailing(b)
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(headA, headB), cmp.Compare(numberA, numberB), cmp.Compare(a, b))
	})
	return names
}

// cellsOf lists the settings of runs from small to large models.
func cellsOf(runs []*Run) []string {
	runs = slices.Clone(runs)
	sortRuns(runs)
	var out []string
	for _, r := range runs {
		if c := r.cell(); !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// sizesText names the sizes that numbers come from, and how long they were trained.
func sizesText(runs []*Run) string {
	if len(runs) == 0 {
		return ""
	}
	var params, steps []float64
	for _, r := range runs {
		params, steps = append(params, r.Params), append(steps, float64(r.Config.Train.Steps))
		if r.Config.Train.Steps == 0 {
			steps[len(steps)-1] = float64(r.Last().Step)
		}
	}
	text := rangeText(params, Count) + " parameters, " + rangeText(steps, decimals(0)) + " steps"
	if how := howRun(runs); how != "" {
		text += "," + how
	}
	return text
}

// rangeText writes the least and the greatest of values, or what they all are.
func rangeText(values []float64, text func(float64) string) string {
	lo, hi := text(slices.Min(values)), text(slices.Max(values))
	if lo == hi {
		return lo
	}
	return lo + " to " + hi
}

// Count writes a large number with a letter: 305.2M.
func Count(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e18, "E"}, {1e15, "P"}, {1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.size {
			return fmt.Sprintf("%.3g%s", v/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.3g", v)
}
