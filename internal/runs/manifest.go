package runs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"dsconv/internal/train"
)

// Format is raised when files, or the numbers of a run, change so that an older
// run cannot be gone on with.
const Format = 1

// manifest says what belongs to a checkpoint. A checkpoint without a whole one is
// none.
type manifest struct {
	Format   int                 `json:"format"`
	Step     int                 `json:"step"`
	Identity string              `json:"identity"` // hash of the run's configuration
	Data     string              `json:"data"`     // these three are those of run.json, should it be lost
	ISA      string              `json:"isa"`
	Started  time.Time           `json:"started"`
	Complete bool                `json:"complete"` // the run ends here
	Seconds  float64             `json:"seconds"`  // of training so far
	Guard    train.Guard         `json:"guard"`
	Pending  *Metric             `json:"pending,omitempty"` // of this step, where its evaluation is still to be done
	Metrics  mark                `json:"metrics"`
	Files    map[string]fileHash `json:"files"`
}

type fileHash struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// maxManifest is many times what a manifest takes.
const maxManifest = 1 << 16

// decodeManifest checks the seal before it reads anything. A manifest that is whole
// but cannot be read is the work of another version: a Refusal, not damage.
func decodeManifest(data []byte) (m manifest, err error) {
	body, err := unseal(data)
	if err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, refusef("manifest: another version of dsconv wrote it (%v); use that version, or start a new run", err)
	}
	if m.Format != Format {
		return m, refusef("manifest: format %d, this version of dsconv reads format %d; use the version that wrote it, or start a new run", m.Format, Format)
	}
	return m, nil
}
