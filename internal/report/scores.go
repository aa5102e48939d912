package report

import (
	"slices"
	"strings"
)

// Score is what MAD's benchmark prints: a variant's score on a task, the mean over the
// task's settings of the best run in each, and over tasks.
type Score struct {
	Sweep    string  `json:"sweep"`
	Task     string  `json:"task"` // "all tasks": the mean over them
	Variant  string  `json:"variant"`
	Score    float64 `json:"score"`
	Floor    float64 `json:"floor"`    // score of guessing
	Settings int     `json:"settings"` // means are over so many
	BestOf   int     `json:"best_of"`  // runs in a setting and seed
	Seeds    int     `json:"seeds"`    // at most; a setting counts with its median
}

// allTasks is the mean over tasks.
const allTasks = "all tasks"

// scores are those of all sweeps with tasks of MAD.
func scores(runs []*Run) []Score {
	out := []Score{}
	m := measures["score"]
	for _, sweep := range sweepsOf(runs) {
		var mine []*Run
		var kinds []string
		for _, r := range best(pick(runs, sweep, ""), m) {
			if kind := r.Config.Task.Kind; strings.HasPrefix(kind, "mad-") {
				mine = append(mine, r)
				if !slices.Contains(kinds, kind) {
					kinds = append(kinds, kind)
				}
			}
		}
		slices.Sort(kinds)
		for _, v := range variantsOf(mine) {
			all := Score{Sweep: sweep, Task: allTasks, Variant: v}
			tasks := 0
			for _, kind := range kinds {
				if s, ok := scoreOf(mine, kind, v); ok {
					s.Sweep = sweep
					out = append(out, s)
					tasks++
					all.Score, all.Floor = all.Score+s.Score, all.Floor+s.Floor
					all.Settings, all.BestOf, all.Seeds = all.Settings+s.Settings, max(all.BestOf, s.BestOf), max(all.Seeds, s.Seeds)
				}
			}
			// A mean over fewer tasks than other variants have compares nothing.
			if tasks == len(kinds) && tasks > 1 {
				all.Score, all.Floor = all.Score/float64(tasks), all.Floor/float64(tasks)
				out = append(out, all)
			}
		}
	}
	return out
}

// scoreOf is the score of a variant on one task; false if it has no run of it.
func scoreOf(runs []*Run, kind, variant string) (Score, bool) {
	s := Score{Task: kind, Variant: variant}
	var mine []*Run
	seeds := map[int64]bool{}
	floors := map[string]float64{} // by setting
	for _, r := range pick(runs, "", variant) {
		if r.Config.Task.Kind == kind {
			mine = append(mine, r)
			seeds[r.Seed] = true
			floors[r.cell()] = floorOf(r)
			s.BestOf = max(s.BestOf, r.Tried)
		}
	}
	for _, setting := range cellsOf(mine) {
		s.Floor += floors[setting] / float64(len(floors))
	}
	s.Score, s.Settings = score(mine, measures["score"])
	s.Seeds = len(seeds)
	return s, len(mine) > 0
}
