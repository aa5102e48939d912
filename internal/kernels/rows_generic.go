//go:build !amd64 || noasm

package kernels

// rowCodes is empty where there is only plain Go.
var rowCodes [ISAAVX512 + 1]*rowCode
