//go:build amd64 && !noasm

package kernels

import "golang.org/x/sys/cpu"

// bestISA asks the processor and, through it, the operating system: wide
// registers that the system does not save count as absent.
func bestISA() ISA {
	x := &cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX2 && x.HasFMA && x.HasBMI2:
		return ISAAVX512
	case x.HasAVX2 && x.HasFMA:
		return ISAAVX2
	default:
		return ISAGo
	}
}
