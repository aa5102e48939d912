package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dsconv/internal/runs"
)

// Local starts jobs as processes of this machine: a job that runs out of memory
// or panics takes nothing else with it.
type Local struct {
	Program string // dsconv itself
	Threads int    // for each job; results do not depend on it
	InUse   int    // exit code of a process that found the run directory in use
}

// grace is how long a job may take to save a checkpoint when the sweep is stopped.
const grace = 10 * time.Minute

// jobFiles is the folder beside the runs that holds what each job was started
// with, and what it said.
const jobFiles = "jobs"

// Launch writes the job's resolved configuration and trains it, resuming where an
// earlier call stopped. A stop is passed on as SIGTERM.
func (l Local) Launch(ctx context.Context, j Job) error {
	dir := filepath.Dir(j.Dir)
	log, err := prepare(dir, j)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	defer log.Close()
	before, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	file, logFile := filepath.Join(dir, jobFile(j, ".yaml")), filepath.Join(dir, jobFile(j, ".log"))
	cmd := exec.CommandContext(ctx, l.Program, "train", "--config", file, "--run-dir", j.Dir, "--resume", "--quiet", "--set", "threads="+strconv.Itoa(l.Threads))
	cmd.Stderr = log
	cmd.Env = jobEnvironment(os.Environ())
	cmd.WaitDelay = grace
	detach(cmd)
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.ExitCode() == l.InUse:
		return fmt.Errorf("sweep: %s: %w", j.Dir, ErrInUse)
	}
	if said := lastLine(logFile, before); said != "" {
		return fmt.Errorf("%s (%w; see %s)", said, err, logFile)
	}
	return fmt.Errorf("%w; see %s", err, logFile)
}

func jobFile(j Job, ending string) string {
	return filepath.Join(jobFiles, filepath.Base(j.Dir)+ending)
}

// prepare writes the configuration that the job is started with, and opens its log.
// It writes below dir only, wherever links lead.
func prepare(dir string, j Job) (log *os.File, err error) {
	data, err := j.Config.YAML()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := root.MkdirAll(jobFiles, 0o755); err != nil {
		return nil, err
	}
	err = runs.ReplaceFile(filepath.Join(dir, jobFile(j, ".yaml")), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return nil, err
	}
	// Another process may be at work on the job, and write here: it is not cut off.
	return root.OpenFile(jobFile(j, ".log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
}

// jobEnvironment leaves out the settings of DSCONV_ variables: they are in the
// resolved configuration already. What chooses the instruction set stays.
func jobEnvironment(all []string) []string {
	var env []string
	for _, v := range all {
		if !strings.HasPrefix(v, "DSCONV_") || strings.HasPrefix(v, "DSCONV_ISA=") {
			env = append(env, v)
		}
	}
	return env
}

// lastLine is the last thing that a log says after an offset, without the
// program's name.
func lastLine(file string, from int64) string {
	data, err := os.ReadFile(file)
	if err != nil || int64(len(data)) < from {
		return ""
	}
	s := strings.TrimSpace(string(data[from:]))
	s = strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
	return strings.TrimPrefix(s, "dsconv: ")
}
