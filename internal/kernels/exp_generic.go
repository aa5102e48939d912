//go:build !amd64 || noasm

package kernels

// expCodes is empty where there is only plain Go.
var expCodes [ISAAVX512 + 1]*expCode
