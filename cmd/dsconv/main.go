// Command dsconv runs the study of "Dynamic Short Convolutions Improve
// Transformers": it trains, evaluates, sweeps and reports.
package main

import (
	"os"

	"dsconv/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
