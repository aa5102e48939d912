package runs

import "fmt"

// Refusal is an error that means: nothing was started, and nothing changed.
type Refusal struct{ Reason string }

func (r Refusal) Error() string { return r.Reason }

func refusef(format string, args ...any) error { return Refusal{fmt.Sprintf(format, args...)} }
