package cli

import (
	"fmt"
	"math"
)

// number is a measured value that may be missing. JSON has null for one that is
// no number.
type number float64

// numberOf is nil for what is no number.
func numberOf(v float64) *number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	n := number(v)
	return &n
}

// text writes the number, or a dash.
func (n *number) text(format string) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf(format, float64(*n))
}
