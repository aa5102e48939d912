package cli

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dsconv/internal/config"
	"dsconv/internal/runs"
	"dsconv/internal/train"
)

func newCmdVerify(f *Factory) *cobra.Command {
	return group(&cobra.Command{
		Use:     "verify",
		Short:   "Prove on this machine what runs promise",
		Example: "  dsconv verify resume --config configs/tiny-dyn.yaml",
	}, newCmdVerifyResume(f))
}

func newCmdVerifyResume(f *Factory) *cobra.Command {
	var load loadFlags
	var steps int
	cmd := &cobra.Command{
		Use:   "resume --config FILE",
		Short: "Prove that a run which is stopped and resumed ends with the same bits",
		Long: `Train a configuration for some steps without a pause, and again with a stop in the
middle and a resume from the checkpoint. Every logged number but the timing, every
weight and every moment of the optimizer must be equal, bit for bit. The runs live
in a temporary directory, which goes at the end.`,
		Example: "  dsconv verify resume --config configs/tiny-dyn.yaml",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := load.need(cmd, "configs/tiny-dyn.yaml"); err != nil {
				return err
			}
			c, err := load.config()
			if err != nil {
				return err
			}
			if steps < 2 {
				return usagef("--steps %d: there must be at least 2, to stop between them", steps)
			}
			return verifyResume(f, c, min(steps, max(2, train.Steps(c))))
		},
	}
	load.bind(cmd)
	cmd.Flags().IntVar(&steps, "steps", 20, "steps of the whole run; fewer if the configuration has fewer")
	return cmd
}

func verifyResume(f *Factory, c *config.Config, steps int) error {
	dir, err := os.MkdirTemp("", "dsconv-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c.Train.Steps, c.Train.TargetAccuracy, c.Checkpoint.Every = steps, 0, 0 // no other end, no other checkpoint
	half := steps / 2
	stop := f.watchSignals()
	defer stop.done()

	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	f.logf("training %d steps without a pause", steps)
	want, err := verifyPart(whole, c, stop, 0)
	if err != nil {
		return err
	}
	f.logf("training %d steps, and stopping", half)
	if _, err := verifyPart(parts, c, stop, half); !errors.Is(err, runs.ErrInterrupted) {
		return fmt.Errorf("verify: the run did not stop at step %d: %v", half, err)
	}
	f.logf("resuming from step %d", half)
	got, err := verifyPart(parts, c, stop, 0)
	if err != nil {
		return err
	}
	lines, err := sameMetrics(whole, parts)
	if err != nil {
		return err
	}
	tensors, values := 0, 0
	for i, w := range want {
		if got[i].sum != w.sum {
			return fmt.Errorf("verify: %s differs between the run that was resumed and the one that was not", w.name)
		}
		tensors, values = tensors+1, values+w.values
	}
	fmt.Fprintf(f.Out, "resume is exact: %d steps, stopped at step %d: %d logged lines and %d values of %d tensors (weights and moments) are equal, bit for bit\n", steps, half, lines, values, tensors)
	return nil
}

// digest stands for a tensor after its run: two models need not be in memory at
// once.
type digest struct {
	name   string
	values int
	sum    [sha256.Size]byte
}

// verifyPart trains in dir from where it stands, to the step stopAt or the end.
func verifyPart(dir string, c *config.Config, stop *stopper, stopAt int) ([]digest, error) {
	w := &verifyWatcher{stop: stop, stopAt: stopAt}
	r, err := runs.Open(dir, c, runs.Options{Argv: os.Args, Version: Version, Resume: true, Warn: func(err error) { w.warned = err }})
	if err != nil {
		return nil, trainError(err)
	}
	defer r.Close()
	t, err := train.New(c)
	if err != nil {
		return nil, withCode(err, exitUsage)
	}
	if err := r.Train(t, w); err != nil {
		return nil, trainError(err)
	}
	if w.warned != nil {
		return nil, w.warned
	}
	var out []digest
	for _, s := range append(t.Weights(), t.Moments()...) {
		out = append(out, digestOf(s))
	}
	return out, nil
}

func digestOf(s train.State) digest {
	sum := sha256.New()
	const block = 4096 // of which binary.Write makes a copy
	for part := range slices.Chunk(s.F32, block) {
		_ = binary.Write(sum, binary.LittleEndian, part) // a hash takes everything
	}
	for part := range slices.Chunk(s.BF16, block) {
		_ = binary.Write(sum, binary.LittleEndian, part)
	}
	d := digest{name: s.Name, values: len(s.F32) + len(s.BF16)}
	sum.Sum(d.sum[:0])
	return d
}

// sameMetrics compares the metrics of two runs line by line.
func sameMetrics(whole, parts string) (int, error) {
	want, err := runs.Metrics(whole)
	if err != nil {
		return 0, err
	}
	got, err := runs.Metrics(parts)
	if err != nil {
		return 0, err
	}
	if len(got) != len(want) {
		return 0, fmt.Errorf("verify: %d lines of metrics after a resume, %d without", len(got), len(want))
	}
	for i := range want {
		if d := got[i].Difference(want[i]); d != "" {
			return 0, fmt.Errorf("verify: a resumed run differs: %s", d)
		}
	}
	return len(want), nil
}

// verifyWatcher stops at a step, or at a signal.
type verifyWatcher struct {
	stop   *stopper
	stopAt int
	step   int
	warned error
}

func (w *verifyWatcher) Started(int, int)         {}
func (w *verifyWatcher) Stepped(m runs.Metric)    { w.step = m.Step }
func (w *verifyWatcher) Saved(int, time.Duration) {}
func (w *verifyWatcher) Stop() bool {
	return w.stop.asked.Load() || w.stopAt > 0 && w.step >= w.stopAt
}
