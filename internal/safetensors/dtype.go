package safetensors

import (
	"fmt"
	"math"
)

// DType is the type of a tensor's elements, spelt as in the header.
type DType string

// The element types that can be read; the first two can be written. Files may hold
// tensors of other types beside them.
const (
	F32  DType = "F32"
	BF16 DType = "BF16"
	I32  DType = "I32"
)

// sizes are the bytes of an element of every type of the format.
var sizes = map[DType]int64{
	F32: 4, BF16: 2, I32: 4,
	"F64": 8, "F16": 2, "I64": 8, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}

// Tensor describes a tensor without holding it.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
}

// maxDims is far above what any model has, and keeps a hostile header small.
const maxDims = 32

// elements is the number of elements and bytes, refusing shapes whose size
// overflows and types that the format does not have.
func (t Tensor) elements() (n, bytes int64, err error) {
	size, ok := sizes[t.DType]
	if !ok {
		return 0, 0, fmt.Errorf("tensor %q: unknown dtype %q", t.Name, string(t.DType))
	}
	if len(t.Shape) > maxDims {
		return 0, 0, fmt.Errorf("tensor %q: %d dimensions, at most %d are allowed", t.Name, len(t.Shape), maxDims)
	}
	n = 1
	for _, d := range t.Shape {
		if d < 0 {
			return 0, 0, fmt.Errorf("tensor %q: shape %v has a negative dimension", t.Name, t.Shape)
		}
		if d > 0 && n > math.MaxInt64/size/int64(d) {
			return 0, 0, fmt.Errorf("tensor %q: shape %v is too large", t.Name, t.Shape)
		}
		n *= int64(d)
	}
	return n, n * size, nil
}
