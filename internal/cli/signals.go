package cli

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
)

// stopper turns signals into a wish to stop: the first lets a run save a
// checkpoint, the second ends the program at once.
type stopper struct {
	signals chan os.Signal
	asked   atomic.Bool
}

// watchSignals listens until done is called.
func (f *Factory) watchSignals() *stopper {
	s := &stopper{signals: make(chan os.Signal, 2)}
	signal.Notify(s.signals, stopSignals...)
	go func() {
		for sig := range s.signals {
			if f.Terminal {
				fmt.Fprintln(f.Err) // leave the progress bar's line
			}
			if s.asked.Swap(true) {
				f.logf("dsconv: stopped at once; the last checkpoint stands")
				os.Exit(exitAtOnce)
			}
			f.logf("dsconv: %v: saving a checkpoint after this step; a second signal stops at once", sig)
		}
	}()
	return s
}

func (s *stopper) done() {
	signal.Stop(s.signals)
	close(s.signals)
}
