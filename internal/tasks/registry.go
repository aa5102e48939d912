package tasks

import (
	"fmt"

	"dsconv/internal/config"
)

// New returns the task that a configuration names; seed is that of the run.
func New(c config.Task, seed int64) (Task, error) {
	switch c.Kind {
	case "mqar":
		return newMQAR(c, seed)
	default:
		return nil, fmt.Errorf("tasks: task.kind %q is unknown", c.Kind)
	}
}
