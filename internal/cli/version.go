package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"dsconv/internal/kernels"
)

// Version is the release; the Makefile stamps it.
var Version = "dev"

type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	ISA     string `json:"isa"`
}

func newCmdVersion(f *Factory) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, and the instruction set in use",
		Example: "  dsconv version\n  dsconv version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{Version: Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, ISA: kernels.ActiveISA().String()}
			v.Commit, _ = commit()
			if asJSON {
				return f.printJSON(v)
			}
			fmt.Fprintf(f.Out, "dsconv %s (%s, %s/%s, %s)\n", v.Version, v.Go, v.OS, v.Arch, v.ISA)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// commit is what the program was built from, as far as Go knows; modified says that the
// files were not those of the commit.
func commit() (revision string, modified bool) {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	return revision, modified
}

// buildText tells builds apart, as far as they can be: a release by its version, another
// build by its commit.
func buildText() string {
	revision, modified := commit()
	if Version != "dev" || revision == "" {
		return Version
	}
	text := Version + "-" + revision[:min(12, len(revision))]
	if modified {
		text += "-dirty"
	}
	return text
}
