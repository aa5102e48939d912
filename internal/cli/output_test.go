package cli

import (
	"bytes"
	"io"
	"strings"
	"syscall"
	"testing"
)

// broken is a standard output that takes nothing.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// Results that could not be written are no success, however they are printed; a reader
// that went away is none of our business.
func TestLostOutput(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"--help"}, {"config", "--config", "../../configs/tiny-dyn.yaml"}} {
		for err, want := range map[error]int{io.ErrShortWrite: 1, syscall.EPIPE: 0} {
			var said bytes.Buffer
			f := &Factory{Out: broken{err}, Err: &said}
			code := f.run(NewRoot(f), args)
			if told := strings.Contains(said.String(), "could not be written to standard output: "+err.Error()); code != want || told != (want == 1) {
				t.Errorf("%v, %v: exit code %d, want %d; said %q", args, err, code, want, said.String())
			}
		}
	}
}
