package report

import (
	"dsconv/internal/stats"
)

// RecallCell is what the seeds of one variant did in one setting. There is no mean:
// recall is learned or not, and seeds fall into two heaps.
type RecallCell struct {
	Sweep    string       `json:"sweep"`
	Setting  string       `json:"setting,omitempty"`
	BestOf   int          `json:"best_of"` // runs that each seed's is the best of: the learning rates of its sweep
	Variant  string       `json:"variant"`
	Accuracy stats.Spread `json:"accuracy"`
	Success  float64      `json:"success"` // share of seeds that end at 0.99 or above
	Floor    float64      `json:"floor"`   // accuracy of guessing
	Steps    stats.Spread `json:"steps_to_0.9"`
	Reached  int          `json:"reached_0.9"` // seeds that got there; the others count with the end of the run
	Params   float64      `json:"params"`
}

func recallCells(runs []*Run) []RecallCell {
	out := []RecallCell{}
	eachCell(best(runs, measures["accuracy"]), func(sweep, setting, variant string, mine []*Run) {
		values := finite(mine, measures["accuracy"])
		if !mine[0].isRecall() || len(values) == 0 {
			return
		}
		out = append(out, RecallCell{
			Sweep: sweep, Setting: setting, BestOf: mine[0].Tried, Variant: variant, Accuracy: stats.SpreadOf(values), Success: stats.Share(values, solved),
			Floor: floorOf(mine[0]), Steps: stats.SpreadOf(finite(mine, measures["steps"])), Reached: reached(mine), Params: mine[0].Params,
		})
	})
	return out
}

// eachCell hands over the seeds of every variant in every setting of every sweep.
func eachCell(runs []*Run, do func(sweep, setting, variant string, mine []*Run)) {
	for _, sweep := range sweepsOf(runs) {
		all := pick(runs, sweep, "")
		for _, setting := range cellsOf(all) {
			for _, v := range variantsOf(all) {
				if mine := ofCell(pick(all, "", v), setting); len(mine) > 0 {
					do(sweep, setting, v, mine)
				}
			}
		}
	}
}
