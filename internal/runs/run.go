package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"dsconv/internal/config"
	"dsconv/internal/kernels"
	"dsconv/internal/tasks"
)

const (
	givenFile    = "config.yaml"
	resolvedFile = "resolved.yaml"
	maxConfig    = 1 << 20
)

// Options say how a run is opened.
type Options struct {
	Given    []byte   // the configuration file as the user gave it
	Argv     []string // of this process, for the record
	Version  string   // of dsconv, for the record
	Resume   bool     // go on with a run that is there
	OtherISA bool     // go on although another instruction set gives other last bits

	Warn func(error) // told of damage that the run survives; may be nil
}

// Run is a run directory that this process alone works on.
type Run struct {
	dir    string
	fs     FS
	config *config.Config
	opts   Options
	record *Record // nil before the run has started
	done   *Summary
	close  func() error
}

// ErrExists says that there is a run already.
var ErrExists error = Refusal{"there is a run in it already: go on with --resume, or choose another directory"}

// Open locks the directory of a run of c, and makes it where it is missing. What
// is there is refused if Options.Resume is false, and if it is of another
// configuration.
func Open(dir string, c *config.Config, o Options) (*Run, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	disk, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	// Before the lock, too: a folder that is not ours is left as it is.
	if err := vacant(disk); err != nil {
		disk.root.Close()
		return nil, fmt.Errorf("runs: %s: %w", dir, err)
	}
	lock, err := acquire(dir, disk)
	if err != nil {
		disk.root.Close()
		return nil, err
	}
	r, err := openOn(disk, dir, c, o)
	if err == nil {
		err = hold(disk)
	}
	if err != nil {
		lock.Close()
		disk.root.Close()
		return nil, err
	}
	r.close = func() error { return errors.Join(lock.Close(), disk.root.Close()) }
	return r, nil
}

// openOn opens a run on a file system that is this process's alone.
func openOn(f FS, dir string, c *config.Config, o Options) (*Run, error) {
	r := &Run{dir: dir, fs: f, config: c, opts: o, close: func() error { return nil }}
	if err := r.admit(); err != nil {
		return nil, fmt.Errorf("runs: %s: %w", dir, err)
	}
	return r, nil
}

// Close frees the directory for other processes.
func (r *Run) Close() error { return r.close() }

// Done is the summary of a run that is complete, or nil.
func (r *Run) Done() *Summary { return r.done }

// Fresh says that the directory holds no run yet.
func (r *Run) Fresh() bool { return r.record == nil }

// admit looks at what is in the directory and refuses what cannot be gone on with.
func (r *Run) admit() error {
	known, err := newestManifest(r.fs)
	if err != nil {
		return err
	}
	record, err := readRecord(r.fs)
	if errors.Is(err, fs.ErrNotExist) && known.Step == 0 {
		return vacant(r.fs)
	}
	if !r.opts.Resume {
		return ErrExists
	}
	if lost(err) {
		if known.Step == 0 {
			// Nothing but a few lines of metrics can be lost.
			r.warn(fmt.Errorf("%w; there is no checkpoint, so the run starts again", err))
			return nil
		}
		record, err = standIn(err, known)
		r.warn(err)
		err = nil
	}
	if err != nil {
		return err
	}
	if err := r.sameConfig(record); err != nil {
		return err
	}
	r.record = &record
	if r.done, err = readSummary(r.fs); errors.Is(err, errChanged) {
		r.warn(fmt.Errorf("%w; it is written again", err))
		err = nil
	}
	return err
}

// warn tells of damage, with the run's directory.
func (r *Run) warn(err error) {
	if r.opts.Warn != nil {
		r.opts.Warn(fmt.Errorf("runs: %s: %w", r.dir, err))
	}
}

// vacant refuses a directory that is no run's and holds other things than an unborn one.
func vacant(f FS) error {
	// Listed first: what another process that begins a run puts there is a run's by the
	// time that it is looked for.
	list, err := f.List(".")
	if err != nil {
		return err
	}
	ours := []string{givenFile, resolvedFile, checkpointDir, recordFile + temporary}
	strange := slices.IndexFunc(list, func(e Entry) bool {
		if e.Name == lockFile {
			return !isLock(f)
		}
		return !slices.Contains(ours, e.Name) && !slices.Contains(ours, strings.TrimSuffix(e.Name, temporary))
	})
	if strange < 0 {
		return nil
	}
	known, err := newestManifest(f)
	if err != nil {
		return err
	}
	born, err := exists(f, recordFile)
	if err == nil && !born && known.Step == 0 {
		err = refusef("the directory holds %s, but no run; choose another one", list[strange].Name)
	}
	return err
}

// sameConfig refuses to go on with another configuration, naming what differs.
func (r *Run) sameConfig(record Record) error {
	now := r.config.Hash()
	old, err := readConfig(r.fs)
	damaged := err != nil || old.Hash() != record.Identity
	switch {
	case now == record.Identity && damaged:
		r.warn(fmt.Errorf("%s is not what the run was started with (%s); it is written again", resolvedFile, describe(old, err)))
		data, err := r.config.YAML()
		if err != nil {
			return err
		}
		return replaceFile(r.fs, resolvedFile, data)
	case now == record.Identity:
		return nil
	case err == nil && old.Hash() == now:
		return refusef("the run was started as %s by version %s of dsconv; this version gives its configuration the identity %s: settings were added, or mean something else. Use that version, or start a new run", record.Identity, record.Version, now)
	case damaged:
		return refusef("the configuration has identity %s, but the run was started as %s; what differs cannot be told, for %s is damaged (%s)", now, record.Identity, resolvedFile, describe(old, err))
	}
	diff, err := differences(old, r.config)
	if err != nil {
		return err
	}
	return refusef("the configuration has changed since the run was started: %s. Go on with the old one (%s), or start a new run", strings.Join(diff, "; "), resolvedFile)
}

// readConfig reads resolved.yaml.
func readConfig(f FS) (*config.Config, error) {
	data, err := readFile(f, resolvedFile, maxConfig)
	if err != nil {
		return nil, err
	}
	return config.Parse(data)
}

// describe says what is wrong with a configuration that was read.
func describe(c *config.Config, err error) string {
	if err != nil {
		return err.Error()
	}
	return "its identity is " + c.Hash()
}

// sameWorld refuses to go on where the task's data or the instruction set have
// changed.
func (r *Run) sameWorld(task tasks.Task) error {
	if data := fingerprint(task); data != r.record.Data {
		return refusef("task %s gives other examples than when the run was started (fingerprint %s, was %s): its definition, or its files, have changed. Start a new run", task.Name(), data, r.record.Data)
	}
	if want := r.record.Corpus; want != "" && corpusOf(task) != want {
		return refusef("the files of task %s are not those that the run was started with: their bytes, or which of them are held out, have changed. Put the old ones back, or start a new run", task.Name())
	}
	if isa := kernels.ActiveISA().String(); isa != r.record.ISA && !r.opts.OtherISA {
		return refusef("the run was started with instruction set %s, this process uses %s, which gives other last bits: set DSCONV_ISA=%s, or accept that with --other-isa", r.record.ISA, isa, r.record.ISA)
	}
	return nil
}

// begin writes down what the run is, before its first step.
func (r *Run) begin(task tasks.Task) error {
	resolved, err := r.config.YAML()
	if err != nil {
		return err
	}
	given := r.opts.Given
	if given == nil {
		given = resolved
	}
	if err := writeFile(r.fs, givenFile, given); err != nil {
		return err
	}
	if err := writeFile(r.fs, resolvedFile, resolved); err != nil {
		return err
	}
	if err := makeCheckpointDir(r.fs); err != nil {
		return err
	}
	if err := r.fs.SyncDir("."); err != nil {
		return err
	}
	// Last, and after the rest is on disk, for a directory with a record is a run.
	s := newSession(r.opts.Version, r.opts.Argv, 0)
	r.record = &Record{Format: Format, Identity: r.config.Hash(), Data: fingerprint(task), Corpus: corpusOf(task), Started: s.Time, Session: s}
	return writeRecord(r.fs, *r.record)
}

func makeCheckpointDir(f FS) error {
	if err := f.Mkdir(checkpointDir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
