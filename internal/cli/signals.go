package cli

import (
	"context"
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
	ignoreClosedPipes()
	signal.Notify(s.signals, stopSignals()...)
	go func() {
		for sig := range s.signals {
			if s.asked.Swap(true) {
				if isHangup(sig) { // a terminal that closes sends several
					continue
				}
				f.logf("dsconv: stopped at once; the last checkpoint stands")
				os.Exit(exitAtOnce)
			}
			if f.Terminal {
				fmt.Fprintln(f.Err) // leave the progress bar's line
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

// untilSignal is a context that also ends with the first signal to stop. A second one
// ends this process as it would any other, unless it is a hangup.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ignoreClosedPipes()
	ctx, stop := signal.NotifyContext(ctx, stopSignals()...)
	signalled := context.AfterFunc(ctx, func() {
		ignoreHangup()
		stop()
	})
	return ctx, func() {
		signalled() // what ends by itself leaves hangups to what follows
		stop()
	}
}
