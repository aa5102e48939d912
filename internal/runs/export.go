package runs

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"dsconv/internal/arch"
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
	if err := exportTo(out, meta, m); err != nil {
		return 0, fmt.Errorf("runs: export: %w", err)
	}
	return step, nil
}

// exportTo writes beside the file and renames, so that a full disk leaves no half
// of one.
func exportTo(out string, meta map[string]string, m *arch.Model) error {
	f, err := os.CreateTemp(filepath.Dir(out), filepath.Base(out)+".*"+temporary)
	if err != nil {
		return err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	if err = encodeTensors(buf, meta, weightsOf(m)); err == nil {
		err = buf.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err = finish(f, err); err == nil {
		err = os.Rename(f.Name(), out)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // best effort: the error is told
	}
	return err
}
