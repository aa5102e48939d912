package cli

import (
	"bytes"
	"encoding/json"
	"testing"

	"dsconv/internal/bench"
)

func TestDoctor(t *testing.T) {
	m := bench.Machine{CPU: "Some CPU", Cores: 4, Threads: 2, ISA: "avx2", BestISA: "avx512", Go: "go1.26", OS: "linux", Arch: "amd64",
		Memory: 8 << 30, Available: 3 << 29,
		Speeds:   []bench.Speed{{Threads: 1, PeakGFLOPS: 100.04, TriadGBps: 10}, {Threads: 2, PeakGFLOPS: 199, TriadGBps: 19}},
		Warnings: []string{"something is slow"}}
	var out bytes.Buffer
	f := &Factory{Out: &out, Err: &out}
	run := func(args ...string) string {
		t.Helper()
		out.Reset()
		cmd := newCmdDoctor(f, func() bench.Machine { return m })
		cmd.SetArgs(args)
		if err := cmd.Execute(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	want := `processor        Some CPU
instructions     avx2 (best here: avx512)
cores            4, of which kernels use 2
memory           8.0 GiB, 1.5 GiB free
go               go1.26, linux/amd64
1 thread         multiply-add peak 100.0 GFLOP/s, triad 10.0 GB/s
2 threads        multiply-add peak 199.0 GFLOP/s, triad 19.0 GB/s
warning          something is slow
`
	if got := run(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var back map[string]any
	if err := json.Unmarshal([]byte(run("--json")), &back); err != nil {
		t.Fatal(err)
	}
	if back["isa"] != "avx2" || back["cores"] != 4.0 || len(back["speeds"].([]any)) != 2 {
		t.Errorf("JSON %v", back)
	}
}
