package kernels

import (
	"os"
	"strings"
)

// ISA is an instruction set that the kernels have code for. A greater one
// includes the lesser ones.
type ISA uint8

// The instruction sets, from the plain Go twins to the widest assembly.
const (
	ISAGo     ISA = iota // plain Go
	ISAAVX2              // AVX2 with FMA
	ISAAVX512            // AVX-512 F, BW, DQ and VL
)

// String gives the name that DSCONV_ISA takes.
func (s ISA) String() string {
	switch s {
	case ISAAVX512:
		return "avx512"
	case ISAAVX2:
		return "avx2"
	default:
		return "go"
	}
}

// isa is the instruction set in use. Kernels read it to choose their code.
var isa = chooseISA(os.Getenv("DSCONV_ISA"), bestISA())

// ActiveISA says which instruction set the kernels use: the best that the machine
// has, or the lower one that the environment variable DSCONV_ISA (avx512, avx2 or
// go) asks for.
func ActiveISA() ISA { return isa }

// BestISA says which instruction set the kernels would use if nothing asked for
// a lower one.
func BestISA() ISA { return bestISA() }

// chooseISA lowers best to the wanted instruction set. An unknown name and one
// that the machine lacks leave best as it is.
func chooseISA(want string, best ISA) ISA {
	for s := ISAGo; s <= best; s++ {
		if strings.EqualFold(want, s.String()) {
			return s
		}
	}
	return best
}

// setISA makes the kernels use s, or the best instruction set below it that the
// machine has, and returns a function that puts the former one back. It is for
// tests and benchmarks, which run every path that the machine can run; no kernel
// may be running.
func setISA(s ISA) (restore func()) {
	former := isa
	isa = min(s, bestISA())
	return func() { isa = former }
}
