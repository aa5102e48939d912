package train

import (
	"fmt"
	"math"

	"dsconv/internal/arch"
	"dsconv/internal/kernels"
	"dsconv/internal/tasks"
)

// FilterStats says what one short convolution learned, by lag. The residual, which
// passes a token's own channel through, is not part of the taps.
type FilterStats struct {
	Layer     int       `json:"layer"`
	Place     string    `json:"place"`
	Energy    []float64 `json:"energy"`    // mean over tokens and channels of the squared tap
	Static    []float64 `json:"static"`    // energy of the mean tap, which no token changes
	Variation []float64 `json:"variation"` // variance of the tap over tokens, mean over channels
}

// Ablation is what a trained model does after a change that needs no training.
type Ablation struct {
	Name  string     `json:"name"`
	About string     `json:"about"`
	Eval  Evaluation `json:"eval"`
}

// Analysis is what the filters of a trained model learned, and what each part of
// them is worth at evaluation.
type Analysis struct {
	Filters   []FilterStats `json:"filters"`
	Ablations []Ablation    `json:"ablations"` // the first is the model as it is
}

// Analyze looks at the filters of a model on n examples of a split, b at a time.
func Analyze(m *arch.Model, task tasks.Task, split tasks.Split, n, b int) (*Analysis, error) {
	if !m.Spec.Conv.Active() {
		return nil, fmt.Errorf("train: analyze: the model has no short convolution (conv.kind is %s)", m.Spec.Conv.Kind)
	}
	moments, err := observe(m, task, split, n, b)
	if err != nil {
		return nil, err
	}
	a := &Analysis{}
	for _, at := range m.Spec.Filters() {
		a.Filters = append(a.Filters, stats(m, at, moments[at]))
	}
	for _, c := range changes(m, moments) {
		e, err := Evaluate(c.model(), task, split, n, b)
		if err != nil {
			return nil, err
		}
		a.Ablations = append(a.Ablations, Ablation{c.name, c.about, e})
	}
	return a, nil
}

// moments are the mean and the second moments of a generator's output over tokens.
type moments struct {
	count  float64
	sum    []float64 // [cols]
	square []float64 // [cols,cols]
}

func (s *moments) mean() []float64 {
	out := make([]float64, len(s.sum))
	for i, v := range s.sum {
		out[i] = v / s.count
	}
	return out
}

// covariance of outputs i and j.
func (s *moments) covariance(i, j int) float64 {
	return s.square[i*len(s.sum)+j]/s.count - s.sum[i]/s.count*s.sum[j]/s.count
}

// observe runs the model and sums up what the generators write.
func observe(m *arch.Model, task tasks.Task, split tasks.Split, n, b int) (map[arch.Filter]*moments, error) {
	all := map[arch.Filter]*moments{}
	if m.Spec.Conv.Kind != "dynamic" || m.Spec.Conv.Condition == "constant" {
		return all, nil
	}
	t := task.SeqLen()
	b = min(b, n)
	step, err := m.Observe(b, t, func(at arch.Filter, gen kernels.View, rows, cols int) {
		s := all[at]
		if s == nil {
			s = &moments{sum: make([]float64, cols), square: make([]float64, cols*cols)}
			all[at] = s
		}
		s.count += float64(rows)
		for r := range rows {
			row := gen.Row(r, cols)
			for i, x := range row {
				s.sum[i] += float64(x)
				for j, y := range row[:i+1] {
					s.square[i*cols+j] += float64(x) * float64(y)
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	batch := tasks.Batch{B: b, T: t, Tokens: step.Tokens, Targets: step.Targets}
	for i := range (n + b - 1) / b {
		tasks.Fill(task, split, uint64(i), &batch)
		if err := step.Run(1, false); err != nil {
			return nil, err
		}
	}
	for _, s := range all {
		for i := range s.sum {
			for j := range i {
				s.square[j*len(s.sum)+i] = s.square[i*len(s.sum)+j]
			}
		}
	}
	return all, nil
}

// stats computes the moments of the taps from those of the generator's output, in
// which the taps are linear: the variance of tap (k,d) is u'·C·u for its column u of
// the second factor and the covariance C.
func stats(m *arch.Model, at arch.Filter, g *moments) FilterStats {
	w := m.Spec.Conv.Width
	f := FilterStats{Layer: at.Layer, Place: at.Place, Energy: make([]float64, w), Static: make([]float64, w), Variation: make([]float64, w)}
	s, u, out := m.Taps(at)
	mean := make([]float64, w*out)
	if m.Spec.Conv.Condition == "constant" {
		mean = m.ConstantTaps(at)
	} else {
		if g != nil {
			mean = m.DynamicTaps(at, g.mean())
		}
		if s != nil {
			for i, v := range s.Data {
				mean[i] += float64(v)
			}
		}
	}
	for k := range w {
		for d := range out {
			i := k*out + d
			variance := 0.0
			switch {
			case g == nil:
			case u == nil:
				j := d/m.Spec.Conv.HeadSize*w + k
				variance = g.covariance(j, j)
			default:
				for r := range u.Rows {
					for q := range u.Rows {
						variance += float64(u.Data[r*w*out+i]) * float64(u.Data[q*w*out+i]) * g.covariance(r, q)
					}
				}
			}
			f.Static[k] += mean[i] * mean[i] / float64(out)
			f.Variation[k] += math.Max(0, variance) / float64(out)
		}
		f.Energy[k] = f.Static[k] + f.Variation[k]
	}
	return f
}

// change is an ablation that is still to be made.
type change struct {
	name, about string
	model       func() *arch.Model
}

// changes lists the ablations that make sense for a model.
func changes(m *arch.Model, g map[arch.Filter]*moments) []change {
	list := []change{{"as trained", "no change", func() *arch.Model { return m }}}
	spec := m.Spec
	if len(g) > 0 {
		list = append(list,
			change{"filters frozen to their mean", "each token gets the taps that tokens have on average: static filters", func() *arch.Model {
				frozen := spec
				frozen.Conv.StaticTaps = true
				n := m.With(frozen)
				for at, s := range g {
					mean := m.DynamicTaps(at, s.mean())
					taps, _, _ := n.Taps(at)
					for i, v := range mean {
						taps.Data[i] += float32(v)
					}
				}
				n.Silence()
				return n
			}},
			change{"filters of another sequence", "each token gets the taps of the same position of another sequence", func() *arch.Model {
				other := spec
				other.Conv.Condition = "shuffled"
				if spec.Conv.Condition == "shuffled" {
					other.Conv.Condition = "self"
				}
				return m.With(other)
			}},
			change{"dynamic part removed", "static taps and the residual alone", func() *arch.Model {
				n := m.With(spec)
				n.Silence()
				return n
			}})
	}
	if spec.Conv.Condition == "constant" {
		return list
	}
	for k := range spec.Conv.Width {
		list = append(list, change{fmt.Sprintf("tap at lag %d removed", k), fmt.Sprintf("no filter reads the token %d before", k), func() *arch.Model {
			n := m.With(spec)
			n.DropLag(k)
			return n
		}})
	}
	return list
}
