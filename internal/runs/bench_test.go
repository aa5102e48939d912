package runs

import (
	"os"
	"path/filepath"
	"testing"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/train"
)

// BenchmarkLog is the cost of a logged step.
func BenchmarkLog(b *testing.B) {
	root, err := os.OpenRoot(b.TempDir())
	check(b, err)
	defer root.Close()
	l, err := openLog(diskFS{root}, 0, mark{}, func(error) {})
	check(b, err)
	m := Metric{Step: 12345, Tokens: 12345 * 4096, Loss: 3.0123456789, Accuracy: 0.123456789, GradNorm: 0.987654321, ConvGradNorm: 0.0123456789, LR: 1.23456789e-4, TokensPerS: 123456, Seconds: 1234.56789}
	b.ReportAllocs()
	for b.Loop() {
		check(b, l.add(m))
	}
	check(b, l.close())
}

// BenchmarkCheckpoint writes and reads the weights and moments of a model of 20
// million parameters.
func BenchmarkCheckpoint(b *testing.B) {
	root, err := os.OpenRoot(b.TempDir())
	check(b, err)
	defer root.Close()
	disk := diskFS{root}
	c := config.Default()
	c.Model.Vocab, c.Model.Dim, c.Model.Layers, c.Model.Heads, c.Model.MLPDim = 8192, 512, 5, 8, 1376
	m := arch.New(arch.SpecOf(c), false)
	m.Init(1)
	weights := train.Weights(m)
	var moments []train.State
	for _, p := range []string{"m.", "v."} {
		for _, w := range weights {
			w.Name = p + w.Name
			moments = append(moments, w)
		}
	}
	check(b, disk.Mkdir(checkpointDir))
	b.Run("save", func(b *testing.B) {
		b.SetBytes(int64(len(m.Weights) * 4 * 3))
		for b.Loop() {
			check(b, removeTree(disk, CheckpointName(1)))
			check(b, saveCheckpoint(disk, manifest{Step: 1}, weights, moments))
		}
	})
	b.Run("load", func(b *testing.B) {
		b.SetBytes(int64(len(m.Weights) * 4 * 3))
		dir := CheckpointName(1)
		for b.Loop() {
			_, err := checkManifest(disk, dir, "", modelFile, optimizerFile)
			check(b, err)
			check(b, readTensors(disk, filepath.Join(dir, modelFile), weights))
			check(b, readTensors(disk, filepath.Join(dir, optimizerFile), moments))
		}
	})
}
