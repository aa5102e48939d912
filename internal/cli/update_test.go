package cli

import "flag"

var update = flag.Bool("update", false, "write golden files and scripts again")
