//go:build unix

// Command sizes trains every configuration of the study for a few steps on this
// machine, one at a time, and prints a table: what dsconv plan predicts beside what
// was measured. Run it from the top of the repository, after make build:
//
//	go run ./scripts/sizes                       # all twenty, profile cpu, three steps
//	go run ./scripts/sizes configs/2b-dyn.yaml   # some
//	go run ./scripts/sizes -resume               # and stop each after a step, and resume it
//
// All twenty take about half an hour on two cores, 19 GiB of memory and, for a moment
// each, 15 GB of disk.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	program, profile, dir string
	steps, batch          int
	resume                bool
}

func main() {
	var o options
	flag.StringVar(&o.program, "dsconv", "bin/dsconv", "the program")
	flag.StringVar(&o.profile, "profile", "cpu", "profile of the configurations")
	flag.StringVar(&o.dir, "dir", "", "where runs go (default: a temporary directory)")
	flag.IntVar(&o.steps, "steps", 3, "training steps, all on the same batch")
	flag.IntVar(&o.batch, "batch", 4, "sequences of a step, in one micro-batch")
	flag.BoolVar(&o.resume, "resume", false, "stop each run after its first step and resume it")
	flag.Parse()
	files := flag.Args()
	if len(files) == 0 {
		for _, size := range []string{"150m", "300m", "600m", "1b", "2b"} {
			for _, variant := range []string{"base", "static", "dyn", "dynall"} {
				files = append(files, filepath.Join("configs", size+"-"+variant+".yaml"))
			}
		}
	}
	if err := run(o, files); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

func run(o options, files []string) error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "dsconv-sizes")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	var machine struct {
		CPU    string
		Cores  int
		ISA    string
		Speeds []struct {
			Threads    int
			PeakGFLOPS float64 `json:"peak_gflops"`
		}
	}
	if err := o.json(&machine, "doctor", "--json"); err != nil {
		return err
	}
	peak := 0.0
	for _, s := range machine.Speeds {
		peak = max(peak, s.PeakGFLOPS)
	}
	fmt.Printf("%s, %d cores, %s, %.0f GFLOP/s measured peak\n\n", machine.CPU, machine.Cores, machine.ISA, peak)
	fmt.Println("| configuration | parameters | memory, predicted | memory, peak | start-up | s a step | tokens/s | of peak | loss by step |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	var failed []error
	for _, file := range files {
		row, err := o.row(file, peak)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", file, err))
			row = "| " + name(file) + " | failed: " + err.Error() + " |||||||"
		}
		fmt.Println(row)
	}
	return errors.Join(failed...)
}

func name(file string) string { return strings.TrimSuffix(filepath.Base(file), ".yaml") }

// json runs dsconv and decodes what it prints.
func (o options) json(into any, args ...string) error {
	cmd := exec.Command(o.program, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s %s: %w", o.program, strings.Join(args, " "), err)
	}
	return json.Unmarshal(out, into)
}

// row trains one configuration and puts what was seen on a line.
func (o options) row(file string, peak float64) (string, error) {
	var plan struct {
		Params        float64 `json:"params_total"`
		FLOPsPerToken float64 `json:"flops_per_token"`
		MemoryBytes   float64 `json:"memory_bytes"`
		TokensPerStep float64 `json:"tokens_per_step"`
	}
	what := []string{"--config", file, "--profile", o.profile, "--set", fmt.Sprintf("train.batch=%d", o.batch), "--set", fmt.Sprintf("train.micro_batch=%d", o.batch)}
	if err := o.json(&plan, slices.Concat([]string{"plan", "--json"}, what)...); err != nil {
		return "", err
	}
	dir := filepath.Join(o.dir, name(file))
	defer os.RemoveAll(dir)
	args := append([]string{"train", "--run-dir", dir, "--resume", "--set", fmt.Sprintf("train.steps=%d", o.steps), "--set", fmt.Sprintf("task.train_examples=%d", o.batch),
		// A thirtieth of the study's rate, which a long run reaches only after its warm-up:
		// at the full one AdamW's first steps throw the largest models off.
		"--set", "optim.lr=1e-5", "--set", "checkpoint.every=0", "--set", "checkpoint.keep=1"}, what...)
	first, err := o.train(args, o.resume)
	if err != nil {
		return "", err
	}
	peakRSS := first.rss
	if o.resume {
		second, err := o.train(args, false)
		if err != nil {
			return "", fmt.Errorf("resume: %w", err)
		}
		peakRSS = max(peakRSS, second.rss)
	}
	metrics, err := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		return "", err
	}
	var losses []string
	var seconds []float64 // from the start of the first step
	for line := range strings.Lines(string(metrics)) {
		var m struct{ Loss, Seconds float64 }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			return "", err
		}
		losses, seconds = append(losses, fmt.Sprintf("%.3f", m.Loss)), append(seconds, m.Seconds)
	}
	if len(losses) != o.steps || o.steps < 2 {
		return "", fmt.Errorf("%d lines of metrics, want %d, at least 2", len(losses), o.steps)
	}
	// The first step touches memory for the first time; the last one is what a long
	// run looks like.
	perStep := seconds[o.steps-1] - seconds[o.steps-2]
	tokens := plan.TokensPerStep / perStep
	return fmt.Sprintf("| %s | %.1f M | %.1f GiB | %.1f GiB | %.0f s | %.1f | %.0f | %.0f %% | %s |", name(file), plan.Params/1e6,
		plan.MemoryBytes/(1<<30), peakRSS/(1<<30), first.stepped.Seconds()-seconds[0], perStep, tokens, 100*tokens*plan.FLOPsPerToken/1e9/peak, strings.Join(losses, " ")), nil
}

// trained is what is seen of a training process from outside.
type trained struct {
	stepped time.Duration // until the first step was done
	rss     float64       // bytes
}

// train runs dsconv train; with interrupt it asks for a stop as soon as the first
// step is done.
func (o options) train(args []string, interrupt bool) (trained, error) {
	cmd := exec.Command(o.program, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return trained{}, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return trained{}, err
	}
	var t trained
	var tail []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		tail = append(tail, lines.Text())
		if t.stepped == 0 && strings.HasPrefix(lines.Text(), "step ") {
			t.stepped = time.Since(start)
			if interrupt {
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					return t, err
				}
			}
		}
	}
	_, _ = io.Copy(io.Discard, stderr)
	err = cmd.Wait()
	const interrupted = 3
	if interrupt && cmd.ProcessState.ExitCode() == interrupted {
		err = nil
	}
	if err != nil {
		return t, fmt.Errorf("%w: %s", err, strings.Join(tail[max(0, len(tail)-3):], "; "))
	}
	t.rss = float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) * 1024
	return t, nil
}
