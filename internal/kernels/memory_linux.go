package kernels

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// wantHugePages advises the kernel about the whole large pages within b. It is only
// advice: a system that does not follow it gives the same results, more slowly.
func wantHugePages(b []byte) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	from := (start + hugePage - 1) / hugePage * hugePage
	to := (start + uintptr(len(b))) / hugePage * hugePage
	if from < to {
		_ = unix.Madvise(b[from-start:to-start], unix.MADV_HUGEPAGE)
	}
}
