// Package cli is the command line: one file per command, each an Options struct,
// a NewCmd function that fills it from flags, and a run function that does the
// work. It is the only room that prints. Results go to standard output,
// everything else to standard error.
package cli
