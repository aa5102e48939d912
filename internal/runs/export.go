package runs

import (
	"fmt"
	"io"
	"strconv"

	"dsconv/internal/arch"
	"dsconv/internal/train"
)

// Export writes the weights of a run's newest good checkpoint to a file of their
// own, under the names of testdata/golden/README.md, with the configuration as
// metadata. Damaged checkpoints that it passes over are told to warn.
func Export(dir, out string, warn func(error)) (step int, err error) {
	info, err := Read(dir)
	if err != nil {
		return 0, err
	}
	m := arch.New(arch.SpecOf(info.Config), false)
	if step, err = LoadWeights(dir, m, warn); err != nil {
		return 0, err
	}
	text, err := info.Config.YAML()
	if err != nil {
		return 0, fmt.Errorf("runs: %w", err)
	}
	meta := map[string]string{"format": "pt", "step": strconv.Itoa(step), "identity": info.Record.Identity, "config": string(text)}
	err = ReplaceFile(out, func(w io.Writer) error { return encodeTensors(w, meta, train.Weights(m)) })
	if err != nil {
		return 0, fmt.Errorf("runs: export: %w", err)
	}
	return step, nil
}
