package runs

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"dsconv/internal/safetensors"
	"dsconv/internal/train"
)

const (
	checkpointDir = "checkpoints"
	modelFile     = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	manifestFile  = "manifest.json"

	stepPrefix = "step-"
	oldPrefix  = "old-" // being deleted
	badPrefix  = "bad-" // found damaged, kept for a look
)

// CheckpointName is the directory of a step's checkpoint below the run's.
func CheckpointName(step int) string {
	return path.Join(checkpointDir, stepPrefix+strconv.Itoa(step))
}

// saveCheckpoint writes a checkpoint beside the others and moves it into place
// when all of it is on disk; it is durable when saveCheckpoint returns. Only then
// may older ones go.
func saveCheckpoint(f FS, m manifest, weights, moments []train.State) error {
	final := CheckpointName(m.Step)
	tmp := final + temporary
	if err := removeTree(f, tmp); err != nil {
		return err
	}
	if err := f.Mkdir(tmp); err != nil {
		return err
	}
	err := fillCheckpoint(f, tmp, m, weights, moments)
	if err == nil {
		err = f.Rename(tmp, final)
	}
	if err != nil {
		_ = removeTree(f, tmp) // best effort: resuming removes it, too
		return err
	}
	return f.SyncDir(checkpointDir)
}

func fillCheckpoint(f FS, dir string, m manifest, weights, moments []train.State) error {
	m.Format = Format
	m.Files = map[string]fileHash{}
	meta := map[string]string{"format": "pt", "step": strconv.Itoa(m.Step), "identity": m.Identity}
	var err error
	if m.Files[modelFile], err = writeTensors(f, path.Join(dir, modelFile), meta, weights); err != nil {
		return err
	}
	if m.Files[optimizerFile], err = writeTensors(f, path.Join(dir, optimizerFile), meta, moments); err != nil {
		return err
	}
	data, err := seal(m)
	if err != nil {
		return err
	}
	if err := writeFile(f, path.Join(dir, manifestFile), data); err != nil {
		return err
	}
	return f.SyncDir(dir)
}

// writeTensors writes and syncs one file, hashing what it writes.
func writeTensors(f FS, name string, meta map[string]string, tensors []train.State) (fileHash, error) {
	file, err := f.Create(name)
	if err != nil {
		return fileHash{}, err
	}
	sum, size := sha256.New(), counter(0)
	buf := bufio.NewWriterSize(io.MultiWriter(file, sum, &size), 256<<10)
	err = encodeTensors(buf, meta, tensors)
	if err == nil {
		err = buf.Flush()
	}
	return fileHash{int64(size), hex.EncodeToString(sum.Sum(nil))}, finish(file, err)
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func encodeTensors(w io.Writer, meta map[string]string, tensors []train.State) error {
	list := make([]safetensors.Tensor, len(tensors))
	for i, t := range tensors {
		list[i] = safetensors.Tensor{Name: t.Name, DType: safetensors.F32, Shape: t.Shape}
		if t.BF16 != nil {
			list[i].DType = safetensors.BF16
		}
	}
	out, err := safetensors.NewWriter(w, meta, list)
	if err != nil {
		return err
	}
	for _, t := range tensors {
		if t.BF16 != nil {
			err = out.WriteBF16(t.Name, t.BF16)
		} else {
			err = out.WriteFloat32(t.Name, t.F32)
		}
		if err != nil {
			return err
		}
	}
	return out.Close()
}

// checkpointSteps lists the steps that have a checkpoint, newest first.
func checkpointSteps(f FS) ([]int, error) {
	list, err := f.List(checkpointDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var steps []int
	for _, e := range list {
		text, ok := strings.CutPrefix(e.Name, stepPrefix)
		if n, err := strconv.Atoi(text); ok && err == nil && n > 0 && e.Dir {
			steps = append(steps, n)
		}
	}
	slices.Sort(steps)
	slices.Reverse(steps)
	return steps, nil
}

// prune deletes all but the keep newest checkpoints. A checkpoint first loses its
// name, durably: one that is half deleted must not look like a damaged one.
func prune(f FS, keep int) error {
	steps, err := checkpointSteps(f)
	if err != nil || len(steps) <= max(1, keep) {
		return err
	}
	for _, s := range steps[max(1, keep):] {
		if err := f.Rename(CheckpointName(s), path.Join(checkpointDir, oldPrefix+strconv.Itoa(s))); err != nil {
			return err
		}
	}
	if err := f.SyncDir(checkpointDir); err != nil {
		return err
	}
	return sweepUp(f)
}

// sweepUp removes what an earlier process left unfinished, and what prune put
// aside.
func sweepUp(f FS) error {
	list, err := f.List(checkpointDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range list {
		if strings.HasSuffix(e.Name, temporary) || strings.HasPrefix(e.Name, oldPrefix) {
			if err := removeTree(f, path.Join(checkpointDir, e.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// setAside takes a damaged checkpoint out of the way and keeps it, so that a
// person may look at it; an older one of the same step goes.
func setAside(f FS, step int) error {
	bad := path.Join(checkpointDir, badPrefix+strconv.Itoa(step))
	if err := removeTree(f, bad); err != nil {
		return err
	}
	if err := f.Rename(CheckpointName(step), bad); err != nil {
		return err
	}
	return f.SyncDir(checkpointDir)
}
