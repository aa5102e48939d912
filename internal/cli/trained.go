package cli

import (
	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/runs"
	"dsconv/internal/train"
)

// trained is a run with its model, to be looked at.
type trained struct {
	dir    string
	step   int
	config *config.Config
	model  *arch.Model
}

// loadTrained loads the newest good checkpoint of a run. What follows has all threads: the
// run may have shared the machine, and results do not depend on them.
func (f *Factory) loadTrained(info runs.Info) (*trained, error) {
	if info.State != runs.StateDone {
		f.logf("run %s is not finished; its newest checkpoint is taken", info.Dir)
	}
	t := &trained{dir: info.Dir, config: info.Config, model: arch.New(arch.SpecOf(info.Config), false)}
	var err error
	t.step, err = runs.LoadWeights(t.dir, t.model, f.warn)
	return t, err
}

// on evaluates the model on about n examples of the test split of a task.
func (t *trained) on(task config.Task, n int) (train.Evaluation, error) {
	return train.EvaluateOn(task, t.config, t.model, n)
}
