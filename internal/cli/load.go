package cli

import (
	"github.com/spf13/cobra"

	"dsconv/internal/config"
)

// loadFlags are the flags of every command that reads a configuration.
type loadFlags struct {
	file    string
	profile string
	set     []string
}

func (l *loadFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&l.file, "config", "c", "", "configuration file (YAML)")
	l.bindOverlays(cmd)
}

func (l *loadFlags) bindOverlays(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.profile, "profile", "", "named overlay of the file, such as cpu")
	cmd.Flags().StringArrayVar(&l.set, "set", nil, "change a key: --set train.steps=10 (may be repeated)")
}

// need refuses a call without a file; example is one that there is.
func (l *loadFlags) need(cmd *cobra.Command, example string) error {
	if l.file == "" {
		return usagef("%s: --config FILE is missing, for example --config %s", cmd.CommandPath(), example)
	}
	return nil
}

// config loads the file, its profile, DSCONV_ variables and --set, in that order.
func (l *loadFlags) config(more ...config.Option) (*config.Config, error) {
	return config.Load(l.file, append(more, config.WithProfile(l.profile), config.WithSet(l.set))...)
}
