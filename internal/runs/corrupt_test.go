package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dsconv/internal/figure"
	"dsconv/internal/kernels"
	"dsconv/internal/tasks"
	"dsconv/internal/train"
)

// stopped is a file system with a run that was interrupted after step 6, with
// checkpoints at 4 and 6.
func stopped(t *testing.T) *memFS {
	t.Helper()
	m := newMemFS()
	if _, err := work(m, tiny(), &observer{stopAt: 6}); !errors.Is(err, ErrInterrupted) {
		t.Fatal(err)
	}
	return m
}

// TestCorruption changes bytes of a checkpoint, one at a time: all of the manifest
// and of both headers, and random ones of the data. Each is found.
func TestCorruption(t *testing.T) {
	const data = 1000
	m, c := stopped(t), tiny()
	dir := CheckpointName(6)
	r := rand.New(rand.NewPCG(7, 7))
	changed, missed := 0, 0
	try := func(name string, at int) {
		n := m.find(path.Join(dir, name))
		old := n.data[at]
		n.data[at] ^= 1 << r.IntN(8)
		changed++
		if _, err := checkManifest(m, dir, c.Hash(), modelFile, optimizerFile); err == nil {
			missed++
			t.Errorf("byte %d of %s was changed and nobody noticed", at, name)
		} else if !strings.Contains(err.Error(), strings.TrimSuffix(name, ".json")) {
			t.Errorf("byte %d of %s: the message does not name it: %v", at, name, err)
		}
		n.data[at] = old
	}
	for at := range m.find(path.Join(dir, manifestFile)).data {
		try(manifestFile, at)
	}
	for _, name := range []string{modelFile, optimizerFile} {
		raw := m.find(path.Join(dir, name)).data
		header := 8 + int(binary.LittleEndian.Uint64(raw))
		for at := range header {
			try(name, at)
		}
		for range data {
			try(name, header+r.IntN(len(raw)-header))
		}
	}
	figure.Log(t, "%d bytes changed one at a time, %d of them in data, %d not found", changed, 2*data, missed)
}

// TestDamageFallsBack damages checkpoints in the ways of real disks. The run says
// so, goes on from the checkpoint before, and ends as if nothing had happened.
func TestDamageFallsBack(t *testing.T) {
	want, _ := uncut(t, tiny())
	at := func(m *memFS, step int, name string) *node { return m.find(path.Join(CheckpointName(step), name)) }
	flip := func(n *node) { n.data[len(n.data)/2] ^= 4 }
	drop := func(m *memFS, step int, name string) { delete(m.find(CheckpointName(step)).entries, name) }
	for _, d := range []struct {
		name   string
		damage func(m *memFS)
		from   int
		says   []string
	}{
		{"nothing", func(*memFS) {}, 6, nil},
		{"flipped weight", func(m *memFS) { flip(at(m, 6, modelFile)) }, 4, []string{"checkpoints/step-6: manifest: sha256 mismatch in model.safetensors; the one of step 4"}},
		{"missing moments", func(m *memFS) { drop(m, 6, optimizerFile) }, 4, []string{"optimizer.safetensors: file does not exist; the one of step 4"}},
		{"truncated weights", func(m *memFS) { at(m, 6, modelFile).data = at(m, 6, modelFile).data[:100] }, 4, []string{"model.safetensors has 100 bytes instead of"}},
		{"truncated manifest", func(m *memFS) { at(m, 6, manifestFile).data = at(m, 6, manifestFile).data[:77] }, 4, []string{"manifest: truncated or changed"}},
		{"empty manifest", func(m *memFS) { at(m, 6, manifestFile).data = nil }, 4, []string{"manifest: truncated or changed"}},
		{"missing manifest", func(m *memFS) { drop(m, 6, manifestFile) }, 4, []string{"manifest.json: file does not exist"}},
		{"renamed", func(m *memFS) {
			dir := m.find(checkpointDir)
			dir.entries["step-5"] = dir.entries["step-6"]
			delete(dir.entries, "step-6")
		}, 4, []string{"manifest: it is of step 6"}},
		{"of another run", func(m *memFS) { rewrite(t, m, 6, `"identity": "`, `"identity": "0`) }, 4, []string{"manifest: it belongs to the run with identity 0"}},
		{"all of them", func(m *memFS) { flip(at(m, 6, modelFile)); flip(at(m, 4, modelFile)) }, 0, []string{"the one of step 4 is tried", "no other one is left"}},
		{"no directory", func(m *memFS) { delete(m.root.entries, checkpointDir) }, 0, nil},
	} {
		t.Run(d.name, func(t *testing.T) {
			m := stopped(t)
			d.damage(m)
			o := &observer{}
			got := finished(t, m, tiny(), o)
			if o.from != d.from {
				t.Errorf("went on from step %d, want %d", o.from, d.from)
			}
			if len(o.warned) != len(d.says) {
				t.Fatalf("warnings %v, want %d", o.warned, len(d.says))
			}
			for i, w := range d.says {
				if !strings.Contains(o.warned[i].Error(), w) {
					t.Errorf("warning %q does not say %q", o.warned[i], w)
				}
			}
			same(t, d.name, got, want)
		})
	}
}

// unreadable is a disk that gives an error for the tensors of every checkpoint.
type unreadable struct {
	*memFS
	err error
}

func (u unreadable) Open(name string) (Reader, error) {
	if strings.HasSuffix(name, ".safetensors") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: u.err}
	}
	return u.memFS.Open(name)
}

// TestUnreadableIsNotLost: a run whose checkpoints cannot be read now does not start again.
func TestUnreadableIsNotLost(t *testing.T) {
	for _, fault := range []error{syscall.EIO, fs.ErrPermission} {
		m, o := stopped(t), &observer{}
		if _, err := work(unreadable{m, fault}, tiny(), o); !errors.Is(err, fault) {
			t.Errorf("%v: got %v", fault, err)
		}
		if told := len(o.warned) > 0; told != (fault == syscall.EIO) { // what may not be read is no damage
			t.Errorf("%v: told %v", fault, o.warned)
		}
		if steps, err := checkpointSteps(m); err != nil || !slices.Equal(steps, []int{6, 4}) {
			t.Errorf("%v: checkpoints %v, %v", fault, steps, err)
		}
	}
}

// TestOtherTensors: tensors of another shape, or more of them, are not read as if they were ours.
func TestOtherTensors(t *testing.T) {
	state := func(name string, shape ...int) train.State {
		return train.State{Name: name, Shape: shape, Narrow: kernels.Narrow{F32: make([]float32, shape[0]*shape[1])}}
	}
	m := newMemFS()
	_, err := writeTensors(m, "x", nil, []train.State{state("a", 2, 3), state("b", 1, 1)})
	check(t, err)
	check(t, readTensors(m, "x", []train.State{state("b", 1, 1), state("a", 2, 3)}))
	for want, tensors := range map[string][]train.State{
		"tensor a has shape [2 3], the model [3 2]": {state("a", 3, 2), state("b", 1, 1)},
		"2 tensors, the model has 1":                {state("a", 2, 3)},
	} {
		if err := readTensors(m, "x", tensors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// altered is a task of which one example ends in another token or label.
type altered struct {
	tasks.Task
	split tasks.Split
	index uint64
	label bool
}

func (a altered) Example(split tasks.Split, index uint64, tokens, targets []int32) {
	a.Task.Example(split, index, tokens, targets)
	if split == a.split && index == a.index {
		if a.label {
			tokens = targets
		}
		tokens[len(tokens)-1]++
	}
}

// TestFingerprint: it changes with any token and any label of the first examples of both splits.
func TestFingerprint(t *testing.T) {
	task, err := tasks.New(tiny().Task, 1)
	check(t, err)
	for _, split := range []tasks.Split{tasks.Train, tasks.Valid} {
		for _, index := range []uint64{0, 7} {
			for _, label := range []bool{false, true} {
				if fingerprint(altered{task, split, index, label}) == fingerprint(task) {
					t.Errorf("example %d of the %v split was altered, its labels %v, and nobody noticed", index, split, label)
				}
			}
		}
	}
}

// TestDamagedMetrics: what can be read is kept, and the loss is told.
func TestDamagedMetrics(t *testing.T) {
	for _, d := range []struct {
		name   string
		damage func(lines []byte) []byte
		steps  []int
		told   bool
	}{
		{"torn", func(b []byte) []byte { return append(b, `{"step":7,"tok`...) }, []int{1, 2, 3, 4, 5, 6, 7}, false},
		{"more than the checkpoint knows", func(b []byte) []byte { return append(b, "{\"step\":7,\"tokens\":1}\n"...) }, []int{1, 2, 3, 4, 5, 6, 7}, false},
		{"flipped", func(b []byte) []byte { return bytes.Replace(b, []byte(`"step":4`), []byte(`"stop":4`), 1) }, []int{1, 2, 3, 7}, true},
		{"a line changed, and all can be read", func(b []byte) []byte { return append([]byte(`{"step":1}`+"\n"), b[bytes.IndexByte(b, '\n')+1:]...) }, []int{1, 2, 3, 4, 5, 6, 7}, true},
		{"lost", func([]byte) []byte { return nil }, []int{7}, true},
	} {
		t.Run(d.name, func(t *testing.T) {
			m := stopped(t)
			n := m.find(metricsFile)
			n.data = d.damage(slices.Clone(n.data))
			o := &observer{}
			got := finished(t, m, tiny(), o)
			var steps []int
			for _, x := range got.metrics {
				steps = append(steps, x.Step)
			}
			if !slices.Equal(steps, d.steps) {
				t.Errorf("steps %v, want %v", steps, d.steps)
			}
			if told := len(o.warned) > 0; told != d.told {
				t.Errorf("warnings %v", o.warned)
			}
		})
	}
}

// TestDamageElsewhere changes, cuts and removes the other files of a run. It goes
// on, tells of it where it matters, and ends with the same weights.
func TestDamageElsewhere(t *testing.T) {
	want, _ := uncut(t, tiny())
	r := rand.New(rand.NewPCG(5, 5))
	for _, name := range []string{givenFile, resolvedFile, recordFile, metricsFile, lockFile} {
		for kind, damage := range map[string]func(m *memFS, n *node){
			"removed": func(m *memFS, _ *node) { delete(m.root.entries, name) },
			"emptied": func(_ *memFS, n *node) { n.data = nil },
			"cut":     func(_ *memFS, n *node) { n.data = n.data[:len(n.data)/2] },
			"flipped": func(_ *memFS, n *node) { n.data[r.IntN(len(n.data))] ^= 1 << r.IntN(7) },
		} {
			m := stopped(t)
			if m.find(name) == nil {
				m.root.entries[name] = &node{data: []byte("{}")} // the lock, which is not taken here
			}
			damage(m, m.find(name))
			o := &observer{}
			tr, err := work(m, tiny(), o)
			if err != nil {
				t.Errorf("%s %s: %v", name, kind, err)
				continue
			}
			if o.from != 6 {
				t.Errorf("%s %s: went on from step %d", name, kind, o.from)
			}
			if told := len(o.warned) > 0; !told && (name == recordFile || name == metricsFile) {
				t.Errorf("%s %s: nobody was told", name, kind)
			}
			if !slices.Equal(tr.Model.Weights, want.weights) {
				t.Errorf("%s %s: other weights", name, kind)
			}
		}
	}
	// A damaged DONE is written again from what the last checkpoint knows.
	m := newMemFS()
	finished(t, m, tiny(), &observer{})
	m.find(doneFile).data[20] ^= 1
	o := &observer{from: complete}
	same(t, "damaged DONE", finished(t, m, tiny(), o), want)
	if s, err := readSummary(m); err != nil || s.Step != 7 || o.from != complete || len(o.warned) != 1 {
		t.Errorf("%+v, %v, went on from %d, told %v", s, err, o.from, o.warned)
	}
}

// A run whose marker is lost does not end with results that nobody has: where the last
// line is lost as well it says what to do, and that helps.
func TestLostEnd(t *testing.T) {
	want, _ := uncut(t, tiny())
	for name, lose := range map[string]func(m *memFS){
		"no line":      func(m *memFS) { delete(m.root.entries, metricsFile) },
		"the last cut": func(m *memFS) { n := m.find(metricsFile); n.data = n.data[:len(n.data)-5] },
	} {
		m := newMemFS()
		finished(t, m, tiny(), &observer{})
		delete(m.root.entries, doneFile)
		lose(m)
		_, err := work(m, tiny(), &observer{})
		if err == nil || !strings.Contains(err.Error(), "metrics.jsonl: the line of step 7, the last, is lost") || !strings.Contains(err.Error(), "remove checkpoints/step-7") {
			t.Errorf("%s: got %v", name, err)
		}
		check(t, removeTree(m, CheckpointName(7)))
		got := finished(t, m, tiny(), &observer{})
		if s, err := readSummary(m); err != nil || s == nil || s.Difference(want.metrics[6]) != "" || !slices.Equal(got.weights, want.weights) {
			t.Errorf("%s: trained again it ends with %+v, %v", name, s, err)
		}
	}
}

// Damaged lines are not handed out as if nothing were wrong.
func TestReadersSeeDamagedMetrics(t *testing.T) {
	m := newMemFS()
	finished(t, m, tiny(), &observer{})
	n := m.find(metricsFile)
	n.data = bytes.Replace(n.data, []byte(`"loss":2`), []byte(`"loss":1`), 1)
	if _, err := readMetrics(m); err == nil || !strings.Contains(err.Error(), "metrics.jsonl: the lines up to step 7 are not those that were written") {
		t.Errorf("got %v", err)
	}
}

// rewrite changes a manifest and seals it again, as another version would have.
func rewrite(t *testing.T, m *memFS, step int, old, now string) {
	t.Helper()
	n := m.find(path.Join(CheckpointName(step), manifestFile))
	body, err := unseal(n.data)
	check(t, err)
	body = bytes.TrimSuffix(bytes.Replace(body, []byte(old), []byte(now), 1), []byte(bodyClose))
	n.data = fmt.Appendf(nil, "%s%s%x%s", body, sealOpen, sha256.Sum256(body), sealClose)
}

// TestRefusals: what must not be gone on with is refused, named, and left alone.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m *memFS) error // or the run's configuration
		want   string
	}{
		{"configuration", func(m *memFS) error {
			c := tiny()
			c.Optim.LR, c.Conv.Width = 0.5, 3
			_, err := work(m, c, &observer{})
			return err
		}, "conv.width is 3, was 2; optim.lr is 0.5, was 0.001"},
		{"task", func(m *memFS) error {
			record, err := readRecord(m)
			if err != nil {
				return err
			}
			record.Data = "0123"
			if err := writeRecord(m, record); err != nil {
				return err
			}
			_, err = work(m, tiny(), &observer{})
			return err
		}, "task mqar gives other examples than when the run was started"},
		{"instruction set", func(m *memFS) error {
			record, err := readRecord(m)
			if err != nil {
				return err
			}
			record.ISA = "abacus"
			if err := writeRecord(m, record); err != nil {
				return err
			}
			_, err = work(m, tiny(), &observer{})
			return err
		}, "started with instruction set abacus"},
		{"format", func(m *memFS) error {
			record, err := readRecord(m)
			if err != nil {
				return err
			}
			record.Format = 2
			if err := writeRecord(m, record); err != nil {
				return err
			}
			_, err = work(m, tiny(), &observer{})
			return err
		}, "the run has format 2, this version of dsconv goes on with format 1 only"},
		{"version with other identities", func(m *memFS) error {
			// As if today's configuration had been named otherwise then.
			c := tiny()
			c.Optim.LR = 0.5
			data, err := c.YAML()
			if err != nil {
				return err
			}
			m.find(resolvedFile).data = data
			_, err = work(m, c, &observer{})
			return err
		}, "this version gives its configuration the identity"},
		{"configuration, with the old one damaged", func(m *memFS) error {
			m.find(resolvedFile).data = []byte("model: {dim: 4}\n")
			c := tiny()
			c.Optim.LR = 0.5
			_, err := work(m, c, &observer{})
			return err
		}, "what differs cannot be told, for resolved.yaml is damaged"},
		{"checkpoint of another format", func(m *memFS) error {
			rewrite(t, m, 6, `"format": 1`, `"format": 2`)
			_, err := work(m, tiny(), &observer{})
			return err
		}, "checkpoint checkpoints/step-6: manifest: format 2, this version of dsconv reads format 1; use the version that wrote it"},
		{"checkpoint with a key of another version", func(m *memFS) error {
			rewrite(t, m, 6, `"step"`, `"shards": 2, "step"`)
			_, err := work(m, tiny(), &observer{})
			return err
		}, `step-6: manifest: another version of dsconv wrote it (json: unknown field "shards"); use that version`},
		{"older checkpoint of another version", func(m *memFS) error {
			rewrite(t, m, 4, `"format": 1`, `"format": 2`)
			m.find(path.Join(CheckpointName(6), modelFile)).data[999] ^= 1
			_, err := work(m, tiny(), &observer{})
			return err
		}, "step-4: manifest: format 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := stopped(t)
			before := slices.Clone(m.find(metricsFile).data)
			err := c.change(m)
			var refusal Refusal
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want a refusal with %q", err, c.want)
			}
			if steps, err := checkpointSteps(m); err != nil || !slices.Equal(steps, []int{6, 4}) || !slices.Equal(before, m.find(metricsFile).data) {
				t.Errorf("the run was changed: checkpoints %v, %v", steps, err)
			}
		})
	}
}
