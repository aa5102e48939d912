// Package runs is a run directory and everything that must not go wrong with it:
// the configuration as given and as resolved, the record of what made it, metrics,
// checkpoints, the lock that keeps a second process out, and the markers at its
// end. Whatever happens to the process or the disk, a run loses at most the steps
// since its last checkpoint, and goes on as if nothing had happened.
//
//	DIR/config.yaml       as the user gave it
//	DIR/resolved.yaml     with every key
//	DIR/run.json          identity, data fingerprint, versions, machine, arguments
//	DIR/metrics.jsonl     one flat JSON object a step
//	DIR/checkpoints/step-N/{model,optimizer}.safetensors, manifest.json
//	DIR/DONE              a JSON summary;  DIR/FAILED: why it stopped
//	DIR/lock              held while a process works on the run
//
// What may not enter this room: terminals, signals, sweeps, reports.
package runs
