package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

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
	Complete bool                `json:"complete"` // the run ends here
	Seconds  float64             `json:"seconds"`  // of training so far
	Guard    train.Guard         `json:"guard"`
	Metrics  mark                `json:"metrics"`
	Files    map[string]fileHash `json:"files"`
}

type fileHash struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// maxManifest is many times what a manifest takes.
const maxManifest = 1 << 16

// The manifest's last field is the hash of all bytes before it, so that a change
// of any byte is noticed.
const (
	sealOpen  = ",\n  \"manifest_sha256\": \""
	sealClose = "\"\n}\n"
	bodyClose = "\n}"
)

// encode writes the manifest with its seal.
func (m manifest) encode() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSuffix(body, []byte(bodyClose))
	sum := sha256.Sum256(body)
	return fmt.Appendf(body, "%s%x%s", sealOpen, sum, sealClose), nil
}

// decodeManifest checks the seal before it reads anything.
func decodeManifest(data []byte) (m manifest, err error) {
	broken := errors.New("manifest: truncated or changed")
	cut := len(data) - len(sealOpen) - 2*sha256.Size - len(sealClose)
	if cut < 0 {
		return m, broken
	}
	body := data[:cut:cut]
	sum := sha256.Sum256(body)
	if want := sealOpen + hex.EncodeToString(sum[:]) + sealClose; string(data[cut:]) != want {
		return m, broken
	}
	d := json.NewDecoder(bytes.NewReader(append(body, bodyClose...)))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		// Sealed, so it is whole: another version wrote it.
		return m, fmt.Errorf("manifest: %w", err)
	}
	if m.Format != Format {
		return m, fmt.Errorf("manifest: format %d, this version of dsconv reads format %d", m.Format, Format)
	}
	return m, nil
}
