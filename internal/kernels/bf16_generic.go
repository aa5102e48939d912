//go:build !amd64 || noasm

package kernels

// bf16Codes is empty where there is only plain Go.
var bf16Codes [ISAAVX512 + 1]*bf16Code
