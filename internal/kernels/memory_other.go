//go:build !linux

package kernels

// wantHugePages leaves the size of pages to the system.
func wantHugePages([]byte) {}
