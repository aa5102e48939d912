package runs

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"dsconv/internal/kernels"
	"dsconv/internal/tasks"
)

const (
	recordFile = "run.json"
	maxRecord  = 1 << 20
)

// Record is run.json: what a run is, and which processes worked on it. It holds
// nothing of their environment.
type Record struct {
	Format   int       `json:"format"`
	Identity string    `json:"identity"`         // hash of the resolved configuration
	Data     string    `json:"data"`             // hash of the first examples of the task
	Corpus   string    `json:"corpus,omitempty"` // hash of all that it reads; empty where it reads nothing, or an older version began the run
	Started  time.Time `json:"started"`
	Session            // that started the run
	Resumes  int       `json:"resumes"`
	Last     *Session  `json:"last_resume,omitempty"`
}

// Session is a process that worked on a run.
type Session struct {
	Version string    `json:"version"`
	Go      string    `json:"go"`
	OS      string    `json:"os"`
	Arch    string    `json:"arch"`
	ISA     string    `json:"isa"` // instruction set: results are equal bit for bit on one of them
	CPUs    int       `json:"cpus"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Argv    []string  `json:"argv"`
	From    int       `json:"from_step"`
	Time    time.Time `json:"time"`
}

// newSession describes this process.
func newSession(version string, argv []string, from int) Session {
	host, _ := os.Hostname() // only to tell people
	return Session{
		Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, ISA: kernels.ActiveISA().String(),
		CPUs: runtime.NumCPU(), Host: host, PID: os.Getpid(), Argv: argv, From: from, Time: time.Now().UTC().Truncate(time.Second),
	}
}

func readRecord(f FS) (Record, error) {
	var r Record
	data, err := readFile(f, recordFile, maxRecord)
	if err != nil {
		return r, err
	}
	body, err := unseal(data)
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", recordFile, err)
	}
	if r.Format != Format {
		return r, refusef("%s: the run has format %d, this version of dsconv goes on with format %d only; use the version that made it (%s), or start a new run", recordFile, r.Format, Format, r.Version)
	}
	return r, nil
}

func writeRecord(f FS, r Record) error {
	data, err := seal(r)
	if err != nil {
		return err
	}
	return replaceFile(f, recordFile, data)
}

// recordOf is what a checkpoint knows of its run's record.
func recordOf(m manifest) Record {
	return Record{Format: m.Format, Identity: m.Identity, Data: m.Data, Started: m.Started, Session: Session{ISA: m.ISA}}
}

// standIn is what the newest checkpoint knows of a record that is lost or damaged, as
// err says, and a warning that it is taken instead.
func standIn(err error, known manifest) (r Record, warning error) {
	return recordOf(known), fmt.Errorf("%w; what matters of it is taken from the checkpoint of step %d", err, known.Step)
}

// lost says that a file is not there, or not as it was written.
func lost(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errChanged) }

// recordOrKnown reads a record, or what the newest checkpoint knows of it where it
// alone is lost or damaged, as damage then says.
func recordOrKnown(f FS) (r Record, damage, err error) {
	r, err = readRecord(f)
	if !lost(err) {
		return r, nil, err
	}
	known, e := newestManifest(f)
	switch {
	case e != nil:
		return r, nil, e
	case known.Step == 0:
		return r, nil, err
	}
	r, damage = standIn(err, known)
	return r, damage, nil
}

// corpusOf is the hash of the files of a task that reads some.
func corpusOf(t tasks.Task) string {
	if c, ok := t.(tasks.Corpus); ok {
		return c.CorpusHash()
	}
	return ""
}

// fingerprint hashes the first examples of both splits, so that a run does not go
// on with a task whose definition, or whose files, have changed.
func fingerprint(t tasks.Task) string {
	const examples = 8
	sum := sha256.New()
	tokens, targets := make([]int32, t.SeqLen()), make([]int32, t.SeqLen())
	var raw []byte
	for _, split := range []tasks.Split{tasks.Train, tasks.Valid} {
		for i := range uint64(examples) {
			t.Example(split, i, tokens, targets)
			raw = raw[:0]
			for p := range tokens {
				raw = binary.LittleEndian.AppendUint32(raw, uint32(tokens[p]))
				raw = binary.LittleEndian.AppendUint32(raw, uint32(targets[p]))
			}
			sum.Write(raw)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}
