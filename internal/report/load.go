package report

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/runs"
	"dsconv/internal/tasks"
)

// Found is what lies below a folder.
type Found struct {
	Runs    []*Run       // finished, of a sweep or not
	Others  []Unfinished // listed, so that nothing is left out silently
	Apart   []Apart      // what KeepComparable took from Runs
	Machine string       // that trained the newest of them
	Steps   *StepTimes   // measured beside them; nil: there are none
}

// Unfinished is a run that no verdict can use.
type Unfinished struct {
	Dir   string `json:"dir"`
	State string `json:"state"`
	Why   string `json:"why,omitempty"`
}

// Load reads the runs below dir. Runs that cannot be read or are not done are
// listed apart.
func Load(dir string) (*Found, error) {
	list, err := runs.List(dir)
	if err != nil {
		return nil, err
	}
	f := &Found{}
	for _, info := range list {
		switch {
		case info.Err != nil:
			f.Others = append(f.Others, Unfinished{info.Dir, "unreadable", info.Err.Error()})
			continue
		case info.Damage != nil: // a page must say what machine trained its runs
			f.Others = append(f.Others, Unfinished{info.Dir, "damaged", info.Damage.Error()})
			continue
		case info.State != runs.StateDone:
			u := Unfinished{Dir: info.Dir, State: string(info.State)}
			if info.Failure != nil {
				u.Why = info.Failure.Error
			}
			f.Others = append(f.Others, u)
			continue
		}
		r, err := newRun(info)
		if err != nil {
			f.Others = append(f.Others, Unfinished{info.Dir, "unreadable", err.Error()})
			continue
		}
		s := info.Record.Session
		f.Machine = fmt.Sprintf("%d cores, %s/%s, %s, dsconv %s", s.CPUs, s.OS, s.Arch, s.ISA, s.Version)
		f.Runs = append(f.Runs, r)
	}
	sortRuns(f.Runs)
	if f.Steps, err = ReadStepTimes(dir); err != nil {
		f.Others = append(f.Others, Unfinished{filepath.Join(dir, StepTimesFile), "unreadable", err.Error()})
	}
	return f, nil
}

// newRun reads a finished run.
func newRun(info runs.Info) (*Run, error) {
	metrics, err := runs.Metrics(info.Dir)
	if err != nil {
		return nil, err
	}
	if len(metrics) == 0 {
		return nil, fmt.Errorf("report: %s: no metrics", info.Dir)
	}
	c := info.Config
	r := &Run{Dir: info.Dir, Sweep: c.Labels["sweep"], Seed: c.Seed, Config: c, Axes: map[string]string{}}
	r.Variant = variantOf(c, r.Axes)
	spec := arch.SpecOf(c)
	r.Params = float64(spec.Count().Total)
	for _, m := range metrics {
		r.Curve = append(r.Curve, sampleOf(m))
	}
	// The newest evaluation counts as that of the end: the last step has one.
	last := &r.Curve[len(r.Curve)-1]
	if e := info.Eval; e != nil && math.IsNaN(last.EvalLoss) {
		last.EvalLoss, last.EvalAccuracy, last.Oracle = e.Loss, e.Accuracy, e.Oracle
	}
	r.FLOPs = spec.TrainFLOPsPerToken(tasks.MaxLabels(c.Task)) * last.Tokens
	return r, nil
}

// variantOf is the variant's label with the settings of its convolution that the
// sweep varies, such as "dyn width=1"; what else the sweep varies goes to axes.
func variantOf(c *config.Config, axes map[string]string) string {
	name := c.Labels["variant"]
	if name == "" {
		name = c.Conv.Kind
	}
	for _, k := range slices.Sorted(maps.Keys(c.Labels)) {
		switch {
		case k == "seed" || slices.Contains(config.SweepLabels, k):
		case strings.HasPrefix(k, "conv.") || k == "optim.conv_lr_mult":
			_, short, _ := strings.Cut(k, ".")
			name += " " + short + "=" + c.Labels[k]
		default:
			axes[k] = c.Labels[k]
		}
	}
	return name
}

func sampleOf(m runs.Metric) Sample {
	nan := math.NaN()
	s := Sample{
		Step: m.Step, Tokens: float64(m.Tokens), Loss: m.Loss, Accuracy: m.Accuracy, GradNorm: m.GradNorm, ConvGradNorm: m.ConvGradNorm,
		EvalLoss: nan, EvalAccuracy: nan, Oracle: nan, TokensPerSecond: m.TokensPerS, Seconds: m.Seconds,
	}
	if e := m.Eval; e != nil {
		s.EvalLoss, s.EvalAccuracy, s.Oracle = e.Loss, e.Accuracy, e.Oracle
	}
	return s
}
