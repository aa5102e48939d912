package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

const (
	doneFile   = "DONE"
	failedFile = "FAILED"
)

// Summary is DONE: the last line of the metrics and when the run was complete.
type Summary struct {
	Metric
	Finished time.Time
}

// MarshalJSON writes the metric's keys and finished, in one flat object.
func (s Summary) MarshalJSON() ([]byte, error) {
	line := bytes.TrimSuffix(bytes.TrimSpace(s.Metric.appendTo(nil)), []byte("}"))
	return fmt.Appendf(line, `,"finished":%q}`, s.Finished.UTC().Format(time.RFC3339)), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Summary) UnmarshalJSON(data []byte) error {
	var w struct {
		Finished time.Time `json:"finished"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	s.Finished = w.Finished
	return s.Metric.UnmarshalJSON(data)
}

// Failure is FAILED: why a run stopped by itself.
type Failure struct {
	Error string    `json:"error"`
	Step  int       `json:"step"`
	Time  time.Time `json:"time"`
}

// readSummary reads DONE; nil where there is none.
func readSummary(f FS) (*Summary, error) { return readMarker[Summary](f, doneFile) }

func readMarker[T any](f FS, name string) (*T, error) {
	data, err := readFile(f, name, maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := new(T)
	body, err := unseal(data)
	if err == nil {
		err = json.Unmarshal(body, out)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

func writeMarker(f FS, name string, v any) error {
	data, err := seal(v)
	if err != nil {
		return err
	}
	return replaceFile(f, name, data)
}
