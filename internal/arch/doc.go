// Package arch is the model: from a configuration to a list of parameters, to a
// Gorgonia graph, and to counts of parameters, floating-point operations and
// bytes that need no graph at all.
//
// The model is the decoder-only Transformer of the paper (arXiv 2606.03825): RMSNorm
// before each sub-layer, causal attention with rotary positions, SwiGLU, and a
// short convolution after the projections that conv.placement names. Formulas and
// parameter names are those of testdata/golden/README.md.
//
// What may not enter this room: tasks, optimizers, files.
package arch
