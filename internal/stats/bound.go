package stats

import (
	"encoding/json"
	"math"
)

// Bound is an end of an interval. JSON knows no infinity, so an end that data do
// not limit is written as null.
type Bound float64

// Finite says whether there is a limit.
func (b Bound) Finite() bool { return !math.IsInf(float64(b), 0) && !math.IsNaN(float64(b)) }

// MarshalJSON writes null where there is no limit.
func (b Bound) MarshalJSON() ([]byte, error) {
	if !b.Finite() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(b))
}
