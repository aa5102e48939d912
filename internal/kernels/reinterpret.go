package kernels

import "unsafe"

// int32s is the buffer as 32-bit integers, one for each value.
func (b *buffer) int32s() []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(b.f))), len(b.f))
}

// float64s is the buffer as float64 values, one for every two of its own.
func (b *buffer) float64s() []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(unsafe.SliceData(b.f))), len(b.f)/2)
}
