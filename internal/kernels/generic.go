//go:build !amd64 || noasm

package kernels

// bestISA is plain Go where there is no assembly.
func bestISA() ISA { return ISAGo }

var engines = [...]*engine{ISAGo: &engineGo}

// The codes are nil where there is only plain Go.
var (
	bf16Codes [ISAAVX512 + 1]*bf16Code
	convCodes [ISAAVX512 + 1]*convCode
	expCodes  [ISAAVX512 + 1]*expCode
	rowCodes  [ISAAVX512 + 1]*rowCode
)
