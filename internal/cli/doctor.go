package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"dsconv/internal/bench"
)

func newCmdDoctor(f *Factory, inspect func() bench.Machine) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what this machine can do, and what slows it down",
		Long: `Say which instruction set and how many cores the kernels use, measure the
multiply-add peak and the triad bandwidth on one thread and on all, and warn of
what makes runs slower than they need to be. It takes about a second.`,
		Example: "  dsconv doctor\n  dsconv doctor --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			m := inspect()
			if asJSON {
				return f.printJSON(m)
			}
			f.printMachine(m)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (f *Factory) printMachine(m bench.Machine) {
	line := f.lines(16)
	if m.CPU != "" {
		line("processor", "%s", m.CPU)
	}
	line("instructions", "%s (best here: %s)", m.ISA, m.BestISA)
	line("cores", "%d, of which kernels use %d", m.Cores, m.Threads)
	if m.Memory > 0 {
		line("memory", "%s, %s free", bytesText(m.Memory), bytesText(m.Available))
	}
	line("go", "%s, %s/%s", m.Go, m.OS, m.Arch)
	for _, s := range m.Speeds {
		threads := fmt.Sprintf("%d threads", s.Threads)
		if s.Threads == 1 {
			threads = "1 thread"
		}
		line(threads, "multiply-add peak %.1f GFLOP/s, triad %.1f GB/s", s.PeakGFLOPS, s.TriadGBps)
	}
	if len(m.Warnings) == 0 {
		line("warnings", "none")
	}
	for _, w := range m.Warnings {
		line("warning", "%s", w)
	}
}
