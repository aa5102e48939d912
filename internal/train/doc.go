// Package train is the loop: it fills batches from a task, runs the compiled
// step, clips, updates, evaluates, and tells an observer what it saw. All of its
// state is the step number, the weights, the optimizer's two moments, the spike
// guard's means and an evaluation that is due; batch i is a pure function of the
// seed and i, so a run that is cut and resumed equals one that was not, bit for bit.
//
// What may not enter this room: files, terminals, sweeps.
package train
