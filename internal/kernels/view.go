package kernels

import (
	"fmt"
	"unsafe"
)

// View is a matrix inside a buffer: row i starts at Data[i*Stride] and its
// columns are consecutive. The number of rows and columns is told to each kernel,
// so that a slice of the columns of a wider matrix is a View too.
type View struct {
	Data   []float32
	Stride int
}

// Dense is the View of a matrix with the given number of columns and no gaps
// between its rows.
func Dense(data []float32, cols int) View { return View{Data: data, Stride: cols} }

// Stride is at which stride to store rows of so many columns that matrix products will
// read: rows that lie a multiple of 1 KiB apart share so few places of the caches that they
// drive each other out, or have to be copied first.
func Stride(cols int) int {
	if cols > 0 && cols%(clash/2) == 0 {
		return cols + line
	}
	return cols
}

// line is the values of a cache line.
const line = 16

// RoundToLine is the first number of values from n on that fills whole cache lines.
func RoundToLine(n int) int { return roundUp(n, line) }

// clash is a number of values from row to row, 2 KiB, that puts the rows of a matrix into the
// same few places of a cache.
const clash = 512

// Row returns the first n columns of row i.
func (v View) Row(i, n int) []float32 {
	o := i * v.Stride
	return v.Data[o : o+n : o+n]
}

// At returns the View that starts at row i and column j of v.
func (v View) At(i, j int) View {
	return View{Data: v.Data[i*v.Stride+j:], Stride: v.Stride}
}

// streamFrom is the bytes of a result from which on it is written past the caches. A line that
// is stored to is read from memory first, which costs more than to write it; but what is
// smaller, the next kernel still finds in the last cache.
var streamFrom = 32 << 20

// stream is 1 when a kernel's result of rows x cols is to be written past the caches: when it
// is large and none of the inputs, and its rows start with cache lines, as such stores demand.
// Whoever waits for a task sees them, for it ends with a locked instruction, which they do not
// pass (Intel's manual for software developers, volume 3A, on write combining).
func (v View) stream(rows, cols int, in ...View) int {
	if rows*cols < streamFrom/4 || v.Stride%line != 0 || uintptr(unsafe.Pointer(&v.Data[0]))%(4*line) != 0 {
		return 0
	}
	for _, u := range in {
		if len(u.Data) > 0 && &u.Data[0] == &v.Data[0] {
			return 0
		}
	}
	return 1
}

// mustHold panics when rows x cols do not fit into v. Kernels check their views
// once, before assembly that checks nothing touches the memory; a failure is a
// mistake of the calling code, never of a user's input.
func (v View) mustHold(what string, rows, cols int) {
	if rows <= 0 || cols <= 0 {
		return
	}
	if v.Stride < cols && rows > 1 || (rows-1)*v.Stride+cols > len(v.Data) {
		panic(fmt.Sprintf("kernels: %s: %d x %d with stride %d does not fit into %d values",
			what, rows, cols, v.Stride, len(v.Data)))
	}
}
