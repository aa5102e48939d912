//go:build !amd64 || noasm

package kernels

// engineFor gives the code of an instruction set: here there is only plain Go.
func engineFor(ISA) *engine { return &engineGo }
