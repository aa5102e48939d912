package kernels

import (
	"math/bits"
	"sync"
)

// Scratch memory: a kernel that needs a work buffer takes one with
//
//	buf := scratch(n)
//	defer buf.release()
//	... buf.f ...
//
// buf.f holds n values, starts on a 64-byte boundary and is not cleared. Buffers
// go back to a free list and are used again, so that a training step makes no
// garbage. A task of For may take and release its own.

// buffer is a piece of scratch memory.
type buffer struct {
	f     []float32 // what was asked for
	whole []float32
	class int
}

// free holds the released buffers, by size class.
var free struct {
	sync.Mutex
	class [4 * 64][]*buffer
}

// scratch returns a buffer of n values whose contents are arbitrary.
func scratch(n int) *buffer {
	class, size := sizeClass(n)
	free.Lock()
	if l := free.class[class]; len(l) > 0 {
		b := l[len(l)-1]
		free.class[class] = l[:len(l)-1]
		free.Unlock()
		b.f = b.whole[:n]
		return b
	}
	free.Unlock()
	whole := Aligned(size)
	return &buffer{f: whole[:n], whole: whole, class: class}
}

// release gives b back. Neither b nor b.f may be used afterwards.
func (b *buffer) release() {
	free.Lock()
	free.class[b.class] = append(free.class[b.class], b)
	free.Unlock()
}

// sizeClass rounds n up to one of four sizes an octave, at least 64.
func sizeClass(n int) (class, size int) {
	n = max(n, 64)
	octave := bits.Len(uint(n - 1)) // n <= 1<<octave
	step := 1 << octave / 8         // quarters of the octave below 1<<octave
	quarters := (n + step - 1) / step
	return 4*octave + quarters - 5, quarters * step
}
