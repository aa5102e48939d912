//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// nohup says that whoever started this process wants it to outlive the terminal.
var nohup = signal.Ignored(syscall.SIGHUP)

// stopSignals ask a run to stop: from the keyboard, from a service manager, from a
// cluster's queue before its time limit, and from a terminal that closes.
func stopSignals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1}
	if !nohup {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

func isHangup(s os.Signal) bool { return s == syscall.SIGHUP }

func ignoreHangup() { signal.Ignore(syscall.SIGHUP) }

// ignoreClosedPipes lets work go on when nobody reads what it says any more: a Ctrl-C
// ends the tee that a log goes through as well, and a line that cannot be written must
// not cost the checkpoint.
func ignoreClosedPipes() { signal.Ignore(syscall.SIGPIPE) }
