// Package kernels holds the numbers: matrix multiplication, short convolutions,
// attention, norms and the other float32 loops of a training step.
//
// It knows nothing of graphs, configurations or devices. Every kernel works on
// memory that its caller owns, keeps nothing between calls, and gives the same
// bits for any number of threads: what decides the order of a sum is cut by shape,
// never by thread count, and partial sums are added in a fixed order. Between instruction sets results
// may differ by rounding.
//
// The hot loops are Go assembly made by the generators under asm/ (AVX-512 and
// AVX2 with FMA, chosen at run time). Each stands beside a plain Go twin, its
// reference in tests and its fallback on other machines or with the build tag
// noasm.
package kernels
