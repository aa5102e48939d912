package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"dsconv/internal/arch"
	"dsconv/internal/safetensors"
	"dsconv/internal/train"
)

// checkManifest reads a checkpoint's manifest and compares the named files with
// it, byte by byte.
func checkManifest(f FS, dir, identity string, files ...string) (manifest, error) {
	data, err := readFile(f, path.Join(dir, manifestFile), maxManifest)
	if err != nil {
		return manifest{}, err
	}
	m, err := decodeManifest(data)
	if err != nil {
		return m, err
	}
	if m.Identity != identity {
		return m, fmt.Errorf("manifest: it belongs to the run with identity %s, this one is %s", m.Identity, identity)
	}
	if CheckpointName(m.Step) != dir {
		return m, fmt.Errorf("manifest: it is of step %d", m.Step)
	}
	for _, name := range files {
		want, ok := m.Files[name]
		if !ok {
			return m, fmt.Errorf("manifest: %s is missing in it", name)
		}
		if err := checkFile(f, path.Join(dir, name), want); err != nil {
			return m, err
		}
	}
	return m, nil
}

func checkFile(f FS, name string, want fileHash) error {
	r, err := f.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Size() != want.Size {
		return fmt.Errorf("manifest: %s has %d bytes instead of %d", path.Base(name), r.Size(), want.Size)
	}
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, io.NewSectionReader(r, 0, want.Size), make([]byte, min(256<<10, max(1, want.Size)))); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
		return fmt.Errorf("manifest: sha256 mismatch in %s", path.Base(name))
	}
	return nil
}

// readTensors reads a file of exactly these tensors into their memory.
func readTensors(f FS, name string, tensors []train.State) error {
	r, err := f.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	in, err := safetensors.Read(r, r.Size(), path.Base(name))
	if err != nil {
		return err
	}
	if n := len(in.Names()); n != len(tensors) {
		return fmt.Errorf("%s: %d tensors, the model has %d", path.Base(name), n, len(tensors))
	}
	for _, t := range tensors {
		have, ok := in.Tensor(t.Name)
		if ok && !slices.Equal(have.Shape, t.Shape) {
			return fmt.Errorf("%s: tensor %s has shape %v, the model %v", path.Base(name), t.Name, have.Shape, t.Shape)
		}
		if t.BF16 != nil {
			err = in.ReadBF16Into(t.Name, t.BF16)
		} else {
			err = in.ReadFloat32Into(t.Name, t.F32)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// newestManifest is the newest whole manifest of a run, whatever has become of the
// files that it names; zero where there is none. One that another version wrote is
// an error: what it knows must not be cut or set aside.
func newestManifest(f FS) (manifest, error) {
	steps, err := checkpointSteps(f)
	if err != nil {
		return manifest{}, err
	}
	for _, step := range steps {
		data, err := readFile(f, path.Join(CheckpointName(step), manifestFile), maxManifest)
		if err != nil {
			continue
		}
		m, err := decodeManifest(data)
		var refusal Refusal
		if errors.As(err, &refusal) {
			return manifest{}, fmt.Errorf("checkpoint %s: %w", CheckpointName(step), err)
		}
		if err == nil && m.Step == step {
			return m, nil
		}
	}
	return manifest{}, nil
}

// newestGood calls load with the newest checkpoint that is whole, and lists the
// newer ones that are not, which are told to warn. ok is false where there is
// none. A file that may not be read, a checkpoint of another version, or a disk that
// gives an error where nothing else is left, is an error instead of a start from
// nothing.
func newestGood(f FS, identity string, files []string, load func(dir string) error, warn func(error)) (m manifest, bad []int, ok bool, err error) {
	steps, err := checkpointSteps(f)
	if err != nil {
		return m, nil, false, err
	}
	var trouble error
	for i, step := range steps {
		dir := CheckpointName(step)
		m, err := checkManifest(f, dir, identity, files...)
		if err == nil {
			if err = load(dir); err == nil {
				return m, steps[:i], true, nil
			}
		}
		err = fmt.Errorf("checkpoint %s: %w", dir, err)
		var refusal Refusal
		if errors.Is(err, fs.ErrPermission) || errors.As(err, &refusal) {
			return m, nil, false, err
		}
		var p *fs.PathError
		if errors.As(err, &p) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errTooLarge) {
			trouble = err
		}
		next := "no other one is left"
		if i+1 < len(steps) {
			next = fmt.Sprintf("the one of step %d is tried instead", steps[i+1])
		}
		warn(fmt.Errorf("%w; %s", err, next))
	}
	return manifest{}, steps, false, trouble
}

// restore brings a trainer to the newest good checkpoint, and puts the damaged
// ones aside. Without a good one the trainer is at the start.
func restore(f FS, identity string, t *train.Trainer, warn func(error)) (manifest, error) {
	m, bad, ok, err := newestGood(f, identity, []string{modelFile, optimizerFile}, func(dir string) error {
		if err := readTensors(f, path.Join(dir, modelFile), t.Weights()); err != nil {
			return err
		}
		return readTensors(f, path.Join(dir, optimizerFile), t.Moments())
	}, warn)
	if err != nil {
		return m, err
	}
	for _, step := range bad {
		if err := setAside(f, step); err != nil {
			return m, err
		}
	}
	if !ok {
		t.Reset()
		return manifest{}, nil
	}
	t.Step, t.Guard = m.Step, m.Guard
	if m.Pending != nil {
		stats := m.Pending.stats()
		t.Pending = &stats
	}
	return m, nil
}

// ErrNoCheckpoint says that a run has no checkpoint that can be read.
var ErrNoCheckpoint = errors.New("no readable checkpoint")

// LoadWeights reads the newest good checkpoint of a run into a model of its
// configuration, and says which step it is of. Damaged checkpoints that it passes
// over, and a record that is lost, are told to warn.
func LoadWeights(dir string, m *arch.Model, warn func(error)) (step int, err error) {
	disk, err := openDir(dir)
	if err != nil {
		return 0, err
	}
	defer disk.root.Close()
	record, damage, err := recordOrKnown(disk)
	if err != nil {
		return 0, fmt.Errorf("runs: %s: %w", dir, err)
	}
	if damage != nil {
		warn(fmt.Errorf("runs: %s: %w", dir, damage))
	}
	step, warned, err := loadWeights(disk, record.Identity, m)
	for _, e := range warned {
		warn(fmt.Errorf("runs: %s: %w", dir, e))
	}
	if err != nil {
		return 0, fmt.Errorf("runs: %s: %w", dir, err)
	}
	return step, nil
}

// loadWeights looks again where the list of checkpoints changed meanwhile: the
// run may go on while it is read, and deletes old checkpoints.
func loadWeights(f FS, identity string, m *arch.Model) (step int, warned []error, err error) {
	for {
		before, err := checkpointSteps(f)
		if err != nil {
			return 0, nil, err
		}
		warned = nil
		found, bad, ok, err := newestGood(f, identity, []string{modelFile}, func(at string) error {
			return readTensors(f, path.Join(at, modelFile), train.Weights(m))
		}, func(err error) { warned = append(warned, err) })
		if ok && len(bad) == 0 {
			return found.Step, nil, nil
		}
		if after, e := checkpointSteps(f); e == nil && !slices.Equal(before, after) {
			continue
		}
		if err == nil && !ok {
			err = ErrNoCheckpoint
		}
		return found.Step, warned, err
	}
}
