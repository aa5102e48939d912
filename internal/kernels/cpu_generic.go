//go:build !amd64 || noasm

package kernels

// bestISA is plain Go where there is no assembly.
func bestISA() ISA { return ISAGo }
