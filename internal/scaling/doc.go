// Package scaling fits power laws to the losses of runs of many sizes, and says how
// much less compute a variant needs than the base model for the same loss, with an
// interval, and with warnings where the points cannot carry the conclusion.
//
// Run directories, plots and prose may not enter this room: points come in, numbers
// and warnings go out.
package scaling
