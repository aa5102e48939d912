//go:build !amd64 || noasm

package kernels

// convCodes is empty where there is only plain Go.
var convCodes [ISAAVX512 + 1]*convCode
