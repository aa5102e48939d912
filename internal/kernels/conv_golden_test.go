package kernels

import (
	"encoding/json"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"dsconv/internal/safetensors"
)

// TestConvGolden compares the convolutions with values that PyTorch computed in
// float64. DSCONV_GOLDEN names another directory of files in the format of
// testdata/golden/README.md, of any shapes; folders below it count, and files of
// whole models are passed over.
func TestConvGolden(t *testing.T) {
	dir := os.Getenv("DSCONV_GOLDEN")
	if dir == "" {
		dir = filepath.Join("..", "..", "testdata", "golden")
	}
	var paths []string
	models := 0
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".safetensors" {
			return err
		}
		f, err := safetensors.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if f.Metadata()["kind"] == "" {
			models++
			return nil
		}
		paths = append(paths, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 && models > 0 {
		t.Skipf("%s has vectors of %d models, and none of kernels", dir, models)
	}
	if len(paths) == 0 {
		t.Fatalf("no golden vectors in %s", dir)
	}
	everyISA(t, func(t *testing.T) {
		for _, path := range paths {
			t.Run(filepath.Base(path), func(t *testing.T) { testGoldenConv(t, path) })
		}
	})
}

func testGoldenConv(t *testing.T, path string) {
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	meta := f.Metadata()
	number := func(key string) (n int) { goldenValue(t, meta, key, &n); return n }
	flag := func(key string) (on bool) { goldenValue(t, meta, key, &on); return on }
	tensor := func(name string) []float32 {
		data, _, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}

	c := Conv{B: number("B"), T: number("T"), D: number("D"), W: number("W"), Residual: flag("residual"), Static: flag("static")}
	var gen, u, s []float32
	genName := ""
	switch meta["kind"] {
	case "static":
		c.Kind = ConvStatic
	case "headwise":
		c.Kind, c.HeadSize, genName = ConvHeadwise, number("head_size"), "g"
	case "lowrank":
		c.Kind, c.Rank, genName = ConvLowRank, number("R"), "z"
		u = tensor("U")
	default:
		t.Fatalf("unknown kind %q", meta["kind"])
	}
	if genName != "" {
		gen = tensor(genName)
	}
	if c.hasStatic() {
		s = tensor("s")
	}
	x, dy := tensor("x"), tensor("dy")

	y, dx, dgen := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(gen))
	du, ds := make([]float32, len(u)), make([]float32, len(s))
	c.Forward(Dense(y, c.D), Dense(x, c.D), Dense(gen, c.GenCols()), u, s)
	c.Backward(Dense(dx, c.D), Dense(dgen, c.GenCols()), du, ds, Dense(dy, c.D), Dense(x, c.D), Dense(gen, c.GenCols()), u, s, false)
	goldenEqual(t, "y", y, tensor("y"))
	goldenEqual(t, "grad.x", dx, tensor("grad.x"))
	if genName != "" {
		goldenEqual(t, "grad."+genName, dgen, tensor("grad."+genName))
	}
	if u != nil {
		goldenEqual(t, "grad.U", du, tensor("grad.U"))
	}
	if s != nil {
		goldenEqual(t, "grad.s", ds, tensor("grad.s"))
	}
}

// goldenValue reads a number or a truth value of the metadata; one that is absent
// stays as it is.
func goldenValue(t *testing.T, meta map[string]string, key string, dst any) {
	if text, ok := meta[key]; ok {
		if err := json.Unmarshal([]byte(text), dst); err != nil {
			t.Fatalf("metadata %s is %q: %v", key, text, err)
		}
	}
}

// goldenEqual allows a relative L2 error of 1e-5.
func goldenEqual(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values, want %d", name, len(got), len(want))
	}
	var diff, norm float64
	for i := range want {
		d := float64(got[i]) - float64(want[i])
		diff += d * d
		norm += float64(want[i]) * float64(want[i])
	}
	if !(diff <= 1e-10*norm) {
		t.Errorf("%s: relative error %.2g, want at most 1e-5", name, math.Sqrt(diff/norm))
	}
}
