//go:build unix

package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dsconv/internal/bug"
	"dsconv/internal/config"
)

// actAs makes the test binary a job: it is what Local starts.
const actAs = "SWEEP_TEST_ACT_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(actAs) {
	case "":
		os.Exit(m.Run())
	case "done":
		fmt.Fprintln(os.Stderr, strings.Join(os.Args[1:], " "))
	case "broken":
		fmt.Fprintln(os.Stderr, "warning: something")
		fmt.Fprintln(os.Stderr, "dsconv: train: step 3: loss NaN")
		os.Exit(5)
	case "silent":
		os.Exit(1)
	case "busy":
		os.Exit(4)
	case "stoppable":
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, "ready")
		<-stop
		fmt.Fprintln(os.Stderr, "checkpoint saved")
		os.Exit(3)
	}
}

func local(t *testing.T, act string) Local {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(actAs, act)
	return Local{Program: self, Threads: 2, InUse: 4}
}

func TestLocalStartsTrain(t *testing.T) {
	dir := t.TempDir()
	j := plan(t, dir, 1)[0]
	if err := local(t, "done").Launch(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(j.Dir)
	file := filepath.Join(dir, "jobs", name+".yaml")
	said, err := os.ReadFile(filepath.Join(dir, "jobs", name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	want := "train --config " + file + " --run-dir " + j.Dir + " --resume --quiet --set threads=2\n"
	if string(said) != want {
		t.Errorf("called with %swant        %s", said, want)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.Hash() != j.Config.Hash() {
		t.Errorf("the file has identity %s, the job %s", c.Hash(), j.Config.Hash())
	}
	if diff := cmp.Diff(j.Config, c); diff != "" {
		t.Errorf("the file is not the job's configuration (-want +got):\n%s", diff)
	}
}

// What an earlier call of a job said stays in its log.
func TestLogIsNotCutOff(t *testing.T) {
	j := plan(t, t.TempDir(), 1)[0]
	if err := local(t, "broken").Launch(t.Context(), j); err == nil {
		t.Fatal("a broken job is done")
	}
	if err := local(t, "done").Launch(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(filepath.Join(filepath.Dir(j.Dir), "jobs", filepath.Base(j.Dir)+".log"))
	if err != nil || !strings.HasPrefix(string(said), "warning: something\n") || !strings.HasSuffix(string(said), "threads=2\n") {
		t.Errorf("the log says %q, %v", said, err)
	}
}

func TestLocalTellsWhyAJobFailed(t *testing.T) {
	j := plan(t, t.TempDir(), 1)[0]
	for act, want := range map[string]string{
		"broken": "train: step 3: loss NaN (exit status 5; see ",
		"silent": "exit status 1; see ",
	} {
		err := local(t, act).Launch(t.Context(), j)
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), ".log") {
			t.Errorf("%s: got %v, want %q and the log's name", act, err, want)
		}
	}
	if err := local(t, "busy").Launch(t.Context(), j); !errors.Is(err, ErrInUse) {
		t.Errorf("busy: got %v, want ErrInUse", err)
	}
}

func TestStopIsPassedOn(t *testing.T) {
	dir := t.TempDir()
	j := plan(t, dir, 1)[0]
	l := local(t, "stoppable")
	ctx, cancel := context.WithCancel(t.Context())
	log := filepath.Join(dir, "jobs", filepath.Base(j.Dir)+".log")
	go func() {
		for ctx.Err() == nil {
			if said, _ := os.ReadFile(log); strings.Contains(string(said), "ready") {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	if err := l.Launch(ctx, j); err == nil {
		t.Error("a stopped job counts as done")
	}
	if said, err := os.ReadFile(log); err != nil || !strings.Contains(string(said), "checkpoint saved") {
		t.Errorf("the job said %q, %v: it was not asked to stop", said, err)
	}
}

func TestJobsDoNotReadSettingsTwice(t *testing.T) {
	got := jobEnvironment([]string{"PATH=/bin", "DSCONV_TRAIN_STEPS=3", "DSCONV_ISA=go", "X=DSCONV_"})
	if want := []string{"PATH=/bin", "DSCONV_ISA=go", "X=DSCONV_"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Two sweeps on one directory prepare the same job at the same time.
func TestPreparedTwice(t *testing.T) {
	j := plan(t, t.TempDir(), 1)[0]
	errs := make([]error, 4)
	var sweeps bug.Group
	for i := range errs {
		sweeps.Go(func() {
			for range 20 {
				log, err := prepare(filepath.Dir(j.Dir), j)
				log.Close()
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	sweeps.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(filepath.Join(filepath.Dir(j.Dir), "jobs")); err != nil || len(list) != 2 {
		t.Errorf("beside the configuration and the log: %v, %v", list, err)
	}
}
