package kernels_test

import (
	"fmt"

	"dsconv/internal/kernels"
)

// A static filter with taps 1 and -1 takes the difference between each position and
// the one before it.
func ExampleConv_Forward() {
	c := kernels.Conv{B: 1, T: 4, D: 2, W: 2}
	taps := []float32{1, 1, -1, -1} // [W,D]
	x := []float32{1, 10, 2, 20, 4, 40, 8, 80}
	y := make([]float32, len(x))
	c.Forward(kernels.Dense(y, 2), kernels.Dense(x, 2), kernels.View{}, nil, taps)
	fmt.Println(y)
	// Output: [1 10 1 10 2 20 4 40]
}
