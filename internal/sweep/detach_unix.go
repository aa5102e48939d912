//go:build unix

package sweep

import (
	"os/exec"
	"syscall"
)

// detach gives a job a process group of its own, so that a Ctrl-C on the terminal
// reaches only the sweep, which then asks its jobs once to stop.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
}
