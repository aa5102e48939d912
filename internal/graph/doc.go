// Package graph turns the kernels into Gorgonia operators and a Gorgonia
// expression graph into a compiled step.
//
// Every operator here is a gorgonia.SDOp of our own: gorgonia.Grad
// differentiates the graph, the tape machine decides the order, and each Do
// calls one kernel of internal/kernels. No stock Gorgonia operator takes part
// in a step, for three reasons: stock element-wise operators may run in place,
// which a memory plan cannot see; the sum of two gradients would be an extra
// pass over memory; and stock operators allocate.
//
// Buffers are planned, not allocated: Compile runs the tape once with the
// kernels switched off, notes which buffers each operator writes and reads,
// and lays them out in one arena so that buffers which are never needed at the
// same time share memory.
//
// What may not enter this room: model shapes, configuration, tasks.
package graph
