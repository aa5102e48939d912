package report

import (
	"testing"

	"dsconv/internal/train"
)

// The figures of one run's filters have means over layers, and costs that are above zero
// where a change makes the model worse.
func TestFilterFigures(t *testing.T) {
	for recall, want := range map[bool]string{true: "change,cost\nno taps,0.6\n", false: "change,cost\nno taps,1.5\n"} {
		figs, err := filterFigures(Filters{Sweep: "s", Variant: "dyn", Recall: recall, Analysis: &train.Analysis{
			Filters: []train.FilterStats{
				{Layer: 0, Place: "q", Energy: []float64{1, 2}, Variation: []float64{0.5, 0}},
				{Layer: 1, Place: "q", Energy: []float64{3, 4}, Variation: []float64{1.5, 0}},
			},
			Ablations: []train.Ablation{
				{Name: "as trained", Eval: train.Evaluation{Loss: 2, Accuracy: 0.75}},
				{Name: "no taps", Eval: train.Evaluation{Loss: 3.5, Accuracy: 0.15}},
			},
		}})
		if err != nil || len(figs) != 2 {
			t.Fatalf("%d figures, %v", len(figs), err)
		}
		if got, want := figs[0].CSV(), "place,lag,energy,varies\nq,0,2,1\nq,1,3,0\n"; got != want {
			t.Errorf("energies\n%swant\n%s", got, want)
		}
		if got := figs[1].CSV(); got != want {
			t.Errorf("recall %v: costs\n%swant\n%s", recall, got, want)
		}
	}
}
