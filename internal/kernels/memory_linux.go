package kernels

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// wantHugePages advises the kernel about the large pages that b lies in: those at its ends
// hold other memory of the Go heap too, which comes in runs of whole large pages. It is
// only advice: a system that does not follow it gives the same results, more slowly.
func wantHugePages(b []byte) {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	from := start / hugePage * hugePage
	to := (start + uintptr(len(b)) + hugePage - 1) / hugePage * hugePage
	_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_HUGEPAGE)
}
