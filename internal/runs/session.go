package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"dsconv/internal/train"
)

// Watcher is told what a run does.
type Watcher interface {
	Started(from, steps int) // from is the step of the checkpoint that the run goes on from
	Stepped(Metric)
	Saved(step int, took time.Duration)
	Stop() bool // asked after every step and batch of an evaluation: end now, with a checkpoint
}

// ErrInterrupted says that a run was stopped from outside, with a checkpoint.
var ErrInterrupted = errors.New("interrupted")

// session is one process's work on a run; it is what the training loop observes.
type session struct {
	run    *Run
	t      *train.Trainer
	log    *metricsLog
	watch  Watcher
	saved  int           // step of the newest checkpoint
	before time.Duration // of training by earlier processes
	spent  time.Duration // by this one, up to the last step
}

// Train brings a run to its end, from its newest good checkpoint or the start.
// The error is ErrInterrupted where the Watcher asked to stop.
func (r *Run) Train(t *train.Trainer, w Watcher) error {
	err := r.train(t, w)
	if err != nil {
		return fmt.Errorf("runs: %s: %w", r.dir, err)
	}
	return nil
}

func (r *Run) train(t *train.Trainer, w Watcher) error {
	s, complete, err := r.start(t, w)
	if err != nil {
		return err
	}
	if !complete {
		w.Started(t.Step, t.Steps)
		complete, err = t.Run(s)
	}
	switch {
	case err == nil && complete:
		err = s.finish()
	case err == nil:
		if err = s.save(false); err == nil {
			err = fmt.Errorf("%w at step %d of %d; --resume goes on from there", ErrInterrupted, t.Step, t.Steps)
		}
	case errors.Is(err, train.ErrNotFinite) || errors.Is(err, train.ErrSkips):
		// The weights are those of before the bad step.
		if e := s.save(false); e != nil {
			err = errors.Join(err, e)
		}
	}
	if e := s.log.close(); err == nil {
		err = e
	}
	if err != nil && !errors.Is(err, ErrInterrupted) {
		// Where the disk is full or broken the marker cannot be written either;
		// the run then counts as interrupted.
		_ = writeMarker(r.fs, failedFile, Failure{err.Error(), t.Step, time.Now().UTC().Truncate(time.Second)})
	}
	return err
}

// start writes the record of a new run, or restores an older one; complete says
// that only the marker at its end is missing.
func (r *Run) start(t *train.Trainer, w Watcher) (s *session, complete bool, err error) {
	s = &session{run: r, t: t, watch: w}
	var m manifest
	if r.record == nil {
		err = r.begin(t.Task)
	} else {
		m, err = s.resume()
	}
	if err != nil {
		return nil, false, err
	}
	s.saved, s.before = m.Step, time.Duration(m.Seconds*float64(time.Second))
	s.log, err = openLog(r.fs, m.Step, m.Metrics, r.warn)
	return s, m.Complete, err
}

// resume restores the newest good checkpoint. Nothing is changed before it is
// sure that the run may go on.
func (s *session) resume() (manifest, error) {
	r := s.run
	if err := r.sameWorld(s.t.Task); err != nil {
		return manifest{}, err
	}
	if err := makeCheckpointDir(r.fs); err != nil {
		return manifest{}, err
	}
	if err := sweepUp(r.fs); err != nil {
		return manifest{}, err
	}
	m, err := restore(r.fs, r.record.Identity, s.t, r.warn)
	if err != nil {
		return m, err
	}
	if err := r.fs.Remove(failedFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	now := newSession(r.opts.Version, r.opts.Argv, m.Step)
	r.record.Resumes++
	r.record.Last = &now
	return m, writeRecord(r.fs, *r.record)
}

// Stepped is called by the training loop.
func (s *session) Stepped(stats train.Stats, e *train.Evaluation, last bool) error {
	s.spent = stats.Elapsed
	m := metricOf(stats, e, s.before)
	if err := s.log.add(m); err != nil {
		return err
	}
	if e != nil {
		if err := s.log.flush(); err != nil {
			return err
		}
	}
	s.watch.Stepped(m)
	if every := s.run.config.Checkpoint.Every; last || every > 0 && stats.Step%every == 0 {
		return s.save(last)
	}
	return nil
}

// Stop is called by the training loop.
func (s *session) Stop() bool { return s.watch.Stop() }

// save writes a checkpoint, unless there is one of this step. Metrics go to disk
// before it: no checkpoint may know of lines that a crash can take away.
func (s *session) save(complete bool) error {
	if s.saved == s.t.Step {
		return nil
	}
	start := time.Now()
	at, err := s.log.sync()
	if err != nil {
		return err
	}
	r, pending := s.run, s.t.Pending
	if pending != nil {
		s.spent = max(s.spent, pending.Elapsed)
	}
	m := manifest{Step: s.t.Step, Identity: r.record.Identity, Complete: complete, Data: r.record.Data, ISA: r.record.ISA, Started: r.record.Started, Seconds: (s.before + s.spent).Seconds(), Guard: s.t.Guard, Metrics: at}
	if pending != nil {
		line := metricOf(*pending, nil, s.before)
		m.Pending = &line
	}
	if err := saveCheckpoint(r.fs, m, s.t.Weights(), s.t.Moments()); err != nil {
		return fmt.Errorf("checkpoint %s: %w", CheckpointName(m.Step), err)
	}
	s.saved = m.Step
	if err := prune(r.fs, r.config.Checkpoint.Keep); err != nil {
		return fmt.Errorf("old checkpoints: %w", err)
	}
	s.watch.Saved(m.Step, time.Since(start))
	return nil
}

// finish marks the run as complete. Its metrics go to disk first: where a stop came
// within the last evaluation, the checkpoint of that step is older than its line.
// Without the marker that checkpoint, which is not complete, has it evaluated again.
func (s *session) finish() error {
	if _, err := s.log.sync(); err != nil {
		return err
	}
	if s.log.last.Step != s.t.Step {
		return fmt.Errorf("%s: the line of step %d, the last, is lost, and its checkpoint does not know it: remove %s, so that --resume trains that step again", metricsFile, s.t.Step, CheckpointName(s.t.Step))
	}
	done := Summary{Metric: s.log.last, Finished: time.Now()}
	if err := writeMarker(s.run.fs, doneFile, done); err != nil {
		return err
	}
	s.run.done = &done
	return nil
}
