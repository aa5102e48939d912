package tasks

import (
	"fmt"

	"dsconv/internal/config"
)

// New returns the task that a configuration names; seed is that of the run. A
// configuration that breaks a rule is refused with a config.Problem.
func New(c config.Task, seed int64) (Task, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("tasks: %w", err)
	}
	b := newBase(c, seed)
	switch c.Kind {
	case "mqar":
		return newMQAR(b, c), nil
	case "language":
		return newLanguage(b, c), nil
	case "text":
		t, err := newText(b, c)
		if err != nil {
			return nil, fmt.Errorf("tasks: %w", err)
		}
		return t, nil
	case "mad-recall", "mad-noisy":
		return newMADRecall(b, c), nil
	case "mad-fuzzy":
		return newMADFuzzy(b, c), nil
	case "mad-copy":
		return newMADCopy(b, c), nil
	case "mad-memorize":
		return newMADMemorize(b, c), nil
	case "mad-compress":
		return newMADCompress(b), nil
	case "varkey":
		return newVarKey(b, c), nil
	}
	return nil, fmt.Errorf("tasks: task.kind %q has no generator", c.Kind)
}
