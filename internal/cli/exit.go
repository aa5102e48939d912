package cli

import (
	"errors"

	"dsconv/internal/config"
	"dsconv/internal/runs"
)

// Exit codes, as the root help documents them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 3
	exitInUse       = 4
	exitBadNumbers  = 5
	exitJobsFailed  = 6
	exitBug         = 7
	exitAtOnce      = 130
)

const exitCodeHelp = `  0    done
  1    failed; the message says where
  2    wrong arguments or a configuration that was refused; nothing was started
  3    interrupted; a checkpoint was saved and --resume goes on from it
  4    the run directory is in use by another process
  5    the loss or a gradient was not a finite number, or too many steps were skipped
  6    the sweep or the study ended, but some of it failed
  7    a mistake in the program itself; the message says how to report it
  130  stopped at once by a second signal; the last checkpoint stands`

// codedError is an error that ends the program with its own exit code.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

// withCode gives err an exit code; nil stays nil.
func withCode(err error, code int) error {
	if err == nil {
		return nil
	}
	return codedError{err, code}
}

// exitCode is the code that an error ends the program with.
func exitCode(err error) int {
	var coded codedError
	var usage usageError
	var misconfigured *config.Error
	var refused runs.Refusal
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &usage), errors.As(err, &misconfigured), errors.As(err, &refused):
		return exitUsage
	}
	return exitFailed
}
