//go:build unix

package cli

import (
	"os"
	"syscall"
)

// stopSignals ask a run to stop: from the keyboard, from a service manager, and
// from a cluster's queue before its time limit.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1}
