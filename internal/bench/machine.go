package bench

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/cpu"

	"dsconv/internal/kernels"
)

// Machine is what this program finds where it runs.
type Machine struct {
	CPU       string   `json:"cpu,omitempty"`
	Cores     int      `json:"cores"`
	Threads   int      `json:"threads"` // that kernels use
	ISA       string   `json:"isa"`
	BestISA   string   `json:"best_isa"`
	Go        string   `json:"go"`
	OS        string   `json:"os"`
	Arch      string   `json:"arch"`
	Memory    int64    `json:"memory_bytes,omitempty"` // 0: the system does not say
	Available int64    `json:"available_bytes,omitempty"`
	Speeds    []Speed  `json:"speeds"`
	Warnings  []string `json:"warnings"`
}

// Speed is what the machine does with a number of threads.
type Speed struct {
	Threads    int     `json:"threads"`
	PeakGFLOPS float64 `json:"peak_gflops"` // multiply-adds
	TriadGBps  float64 `json:"triad_gbps"`
}

// Identify finds out about the machine without measuring it.
func Identify() Machine {
	m := Machine{
		Cores: runtime.NumCPU(), Threads: kernels.Threads(),
		ISA: kernels.ActiveISA().String(), BestISA: kernels.BestISA().String(),
		Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH,
		Warnings: []string{},
	}
	m.system("/")
	return m
}

// Inspect finds out about the machine and measures it on one thread and on all.
func Inspect() Machine {
	m := Identify()
	counts := []int{1}
	if m.Threads > 1 {
		counts = append(counts, m.Threads)
	}
	for _, n := range counts {
		m.Speeds = append(m.Speeds, Speed{Threads: n, PeakGFLOPS: kernels.MeasurePeak(n), TriadGBps: kernels.MeasureTriad(n)})
	}
	m.warn(os.Getenv("DSCONV_ISA"), cpu.X86.HasAVX2 && cpu.X86.HasFMA)
	return m
}

// warn notes what makes runs slower than they need to be. capable says that the
// processor has AVX2 and FMA, wanted is the value of DSCONV_ISA.
func (m *Machine) warn(wanted string, capable bool) {
	add := func(format string, args ...any) { m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...)) }
	plain := kernels.ISAGo.String()
	switch {
	case m.BestISA == plain && capable:
		add("this program was built without assembly (tag noasm): expect a tenth of the speed; build it without the tag")
	case m.BestISA == plain:
		add("there is no assembly for this processor (AVX2 with FMA is needed): expect a tenth of the speed")
	case m.ISA != m.BestISA:
		add("DSCONV_ISA=%s: the processor could run %s; unset the variable for full speed", wanted, m.BestISA)
	case wanted != "" && !strings.EqualFold(wanted, m.ISA):
		add("DSCONV_ISA=%s is ignored: the choices here are go, avx2 and avx512, up to %s", wanted, m.BestISA)
	}
	if m.Threads < m.Cores {
		add("%d of %d cores are used: GOMAXPROCS or a CPU quota says so", m.Threads, m.Cores)
	}
	const little = 2 << 30
	if m.Available > 0 && m.Available < little {
		add("%d MiB of memory are free: the configurations of the study need up to 2 GiB", m.Available>>20)
	}
	if one, all := m.Speeds[0], m.Speeds[len(m.Speeds)-1]; all.Threads > 1 && all.PeakGFLOPS < 0.7*float64(all.Threads)*one.PeakGFLOPS {
		add("%d threads reach %.1f times the peak of one: other programs are running, or cores share their units", all.Threads, all.PeakGFLOPS/one.PeakGFLOPS)
	}
}

// system reads what Linux says of processor and memory under root; other systems
// leave it out.
func (m *Machine) system(root string) {
	m.CPU = field(filepath.Join(root, "proc/cpuinfo"), "model name", ":")
	kib := func(name string) int64 {
		n, _ := strconv.ParseInt(strings.TrimSuffix(field(filepath.Join(root, "proc/meminfo"), name, ":"), " kB"), 10, 64)
		return n << 10
	}
	m.Memory, m.Available = kib("MemTotal"), kib("MemAvailable")
	group := filepath.Join(root, "sys/fs/cgroup")
	number := func(name string) (int64, error) {
		text, err := os.ReadFile(filepath.Join(group, name))
		if err != nil {
			return 0, err
		}
		return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	}
	if limit, err := number("memory.max"); err == nil && limit < m.Memory {
		m.Memory = limit
		// What the group uses counts against its limit, but for pages of files that
		// nobody has touched of late, which the kernel takes back. At least 1, for 0
		// would say that nothing is known.
		used, _ := number("memory.current")
		idle, _ := strconv.ParseInt(field(filepath.Join(group, "memory.stat"), "inactive_file", " "), 10, 64)
		m.Available = min(m.Available, max(1, limit-max(0, used-idle)))
	}
}

// AvailableMemory is how many bytes are free for programs; 0 where the system does not
// say.
func AvailableMemory() int64 {
	var m Machine
	m.system("/")
	return m.Available
}

// field is the value of the first line "name : value" of a file, or with another
// separator.
func field(path, name, separator string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), separator); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
