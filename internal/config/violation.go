package config

import "fmt"

// Violation is a value that breaks a rule of its key. A loader finds it with
// errors.As and adds the file and line that set the key.
type Violation struct {
	Key   string // dotted, as --set takes it: task.seq_len
	Rule  string // what must hold, with the numbers it follows from
	Value any    // what was given
}

func (v Violation) Error() string {
	if s, ok := v.Value.(string); ok {
		return fmt.Sprintf("%s: %s, got %q", v.Key, v.Rule, s)
	}
	return fmt.Sprintf("%s: %s, got %v", v.Key, v.Rule, v.Value)
}
