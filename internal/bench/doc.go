// Package bench measures: each kernel against the machine's measured peak and
// bandwidth, and whole training steps of several variants in interleaved rounds.
// It returns numbers; printing them is the command line's business.
//
// What may not enter this room: terminals, run directories, sweeps.
package bench
