package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dsconv/internal/bench"
)

func TestBenchKernelsOptions(t *testing.T) {
	for _, c := range []struct {
		args string
		want benchKernelsOptions
		err  string
	}{
		{args: "", want: benchKernelsOptions{Time: 200 * time.Millisecond}},
		{args: "--json --threads 1 --only gemm --time 5ms", want: benchKernelsOptions{JSON: true, Threads: 1, Only: "gemm", Time: 5 * time.Millisecond}},
		{args: "--threads -1", err: "--threads must not be negative"},
		{args: "--time 0s", err: "--time must be positive"},
		{args: "gemm", err: "takes no argument"},
	} {
		var got benchKernelsOptions
		cmd := newCmdBenchKernels(&Factory{}, func(o *benchKernelsOptions) error { got = *o; return nil })
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(strings.Fields(c.args))
		err := cmd.Execute()
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: error %v, want %q", c.args, err, c.err)
			} else if exitCode(err) != exitUsage {
				t.Errorf("%q: exit code %d", c.args, exitCode(err))
			}
		case err != nil:
			t.Errorf("%q: %v", c.args, err)
		case got != c.want:
			t.Errorf("%q: %+v, want %+v", c.args, got, c.want)
		}
	}
}

func TestBenchKernelsJSON(t *testing.T) {
	var out, logs bytes.Buffer
	root := NewRoot(&Factory{Out: &out, Err: &logs})
	root.SetArgs([]string{"bench", "kernels", "--json", "--only", "gemm 64x64x64", "--time", "1ms"})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	var m struct {
		Kernels []map[string]any `json:"kernels"`
	}
	if err := json.Unmarshal(out.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Kernels) != 3 {
		t.Fatalf("%d kernels: %s", len(m.Kernels), out.String())
	}
	for _, k := range m.Kernels {
		for _, field := range []string{"name", "shape", "ms", "gflops", "fraction_of_peak"} {
			if k[field] == nil {
				t.Errorf("no %s in %v", field, k)
			}
		}
		if !strings.HasPrefix(k["name"].(string), "gemm") {
			t.Errorf("matrix product named %q", k["name"])
		}
	}
	root.SetArgs([]string{"bench", "kernels", "--only", "no such kernel"})
	if err := root.Execute(); exitCode(err) != exitUsage {
		t.Errorf("unknown kernel: %v", err)
	}
}

func TestPrintKernels(t *testing.T) {
	var out bytes.Buffer
	printKernels(&out, bench.Kernels{ISA: "avx2", Threads: 2, PeakGFLOPS: 100, TriadGBps: 10, Kernels: []bench.Kernel{
		{Name: "gemm NN", Shape: "64x64x64", Millis: 1.25, GFLOPS: 50, Fraction: 0.5},
		{Name: "add", Shape: "8x8", Millis: 0.5, GBps: 9, Fraction: 0.9},
	}})
	want := `avx2, 2 threads: multiply-add peak 100.0 GFLOP/s, triad 10.0 GB/s
kernel   shape     ms      GFLOP/s  GB/s  of peak
gemm NN  64x64x64  1.2500  50.0     -     50%
add      8x8       0.5000  -        9.0   90%
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
