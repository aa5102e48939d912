package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWarnings(t *testing.T) {
	speeds := []Speed{{Threads: 1, PeakGFLOPS: 100}, {Threads: 2, PeakGFLOPS: 195}}
	for _, c := range []struct {
		name    string
		m       Machine
		wanted  string
		capable bool
		want    string // of the only warning; "" for none
	}{
		{"all is well", Machine{ISA: "avx512", BestISA: "avx512", Cores: 2, Threads: 2, Available: 8 << 30, Speeds: speeds}, "", true, ""},
		{"asked for what is there", Machine{ISA: "avx512", BestISA: "avx512", Cores: 2, Threads: 2, Speeds: speeds}, "AVX512", true, ""},
		{"noasm", Machine{ISA: "go", BestISA: "go", Cores: 2, Threads: 2, Speeds: speeds}, "", true, "tag noasm"},
		{"old processor", Machine{ISA: "go", BestISA: "go", Cores: 2, Threads: 2, Speeds: speeds}, "", false, "no assembly for this processor"},
		{"lowered", Machine{ISA: "avx2", BestISA: "avx512", Cores: 2, Threads: 2, Speeds: speeds}, "avx2", true, "could run avx512"},
		{"misspelt", Machine{ISA: "avx512", BestISA: "avx512", Cores: 2, Threads: 2, Speeds: speeds}, "avx", true, "DSCONV_ISA=avx is ignored"},
		{"few threads", Machine{ISA: "avx2", BestISA: "avx2", Cores: 8, Threads: 2, Speeds: speeds}, "", true, "2 of 8 cores"},
		{"little memory", Machine{ISA: "avx2", BestISA: "avx2", Cores: 2, Threads: 2, Available: 1 << 30, Speeds: speeds}, "", true, "1024 MiB of memory"},
		{"busy", Machine{ISA: "avx2", BestISA: "avx2", Cores: 2, Threads: 2, Speeds: []Speed{{1, 100, 9}, {2, 110, 9}}}, "", true, "1.1 times the peak"},
	} {
		c.m.warn(c.wanted, c.capable)
		got := strings.Join(c.m.Warnings, "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || len(c.m.Warnings) > 1 {
			t.Errorf("%s: warnings %q, want %q", c.name, c.m.Warnings, c.want)
		}
	}
}

func TestSystem(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var m Machine
	m.system(root)
	if m.CPU != "" || m.Memory != 0 || m.Available != 0 {
		t.Errorf("of nothing: %+v", m)
	}
	write("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU: fast\nmodel name\t: other\n")
	write("proc/meminfo", "MemTotal:       4096 kB\nMemFree: 1 kB\nMemAvailable:   2048 kB\n")
	m.system(root)
	if m.CPU != "Some CPU: fast" || m.Memory != 4096<<10 || m.Available != 2048<<10 {
		t.Errorf("of a machine: %+v", m)
	}
	write("sys/fs/cgroup/memory.max", "1048576\n")
	m.system(root)
	if m.Memory != 1<<20 || m.Available != 1<<20 {
		t.Errorf("of a container: %+v", m)
	}
	write("sys/fs/cgroup/memory.current", "700000\n")
	m.system(root)
	if m.Available != 1<<20-700000 {
		t.Errorf("of a container that uses memory: %+v", m)
	}
	write("sys/fs/cgroup/memory.stat", "anon 1\nfile 600000\ninactive_anon 1\ninactive_file 500000\n")
	m.system(root)
	if m.Available != 1<<20-200000 {
		t.Errorf("of a container with cached files: %+v", m)
	}
	write("sys/fs/cgroup/memory.current", "2000000\n")
	m.system(root)
	if m.Available != 1 {
		t.Errorf("of a full container: %+v", m)
	}
	write("sys/fs/cgroup/memory.max", "max\n")
	m.system(root)
	if m.Memory != 4096<<10 {
		t.Errorf("of a container without limit: %+v", m)
	}
}
