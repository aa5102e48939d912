package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// The JSON files of a run end with the hash of all bytes before it, so that a
// change of any byte is noticed before anything is believed.
const (
	sealOpen  = ",\n  \"seal\": \""
	sealClose = "\"\n}\n"
	bodyClose = "\n}"
)

// errChanged says that a sealed file is not as it was written.
var errChanged = errors.New("truncated or changed")

// seal writes a value that becomes a JSON object of at least one key.
func seal(v any) ([]byte, error) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSuffix(body, []byte(bodyClose))
	sum := sha256.Sum256(body)
	return fmt.Appendf(body, "%s%x%s", sealOpen, sum, sealClose), nil
}

// unseal checks a sealed file and returns the object without its seal.
func unseal(data []byte) ([]byte, error) {
	cut := len(data) - len(sealOpen) - 2*sha256.Size - len(sealClose)
	if cut < 0 {
		return nil, errChanged
	}
	body := data[:cut:cut]
	sum := sha256.Sum256(body)
	if want := sealOpen + hex.EncodeToString(sum[:]) + sealClose; string(data[cut:]) != want {
		return nil, errChanged
	}
	return append(body, bodyClose...), nil
}
