package cli

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// output is standard output. It remembers the first error, for those who print look at
// none: results that were lost, as on a full disk, are no success.
type output struct {
	to  io.Writer
	err error
}

// Write takes everything; after an error it drops it.
func (o *output) Write(b []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.to.Write(b)
	}
	return len(b), nil
}

// lost says that output could not be written. A reader that went away, as head does, had
// enough of it.
func (o *output) lost() error {
	if o.err == nil || errors.Is(o.err, syscall.EPIPE) {
		return nil
	}
	return fmt.Errorf("the results could not be written to standard output: %w", o.err)
}
