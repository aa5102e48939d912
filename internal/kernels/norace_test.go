//go:build !race

package kernels

const poolsKeep = true
