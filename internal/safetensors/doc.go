// Package safetensors reads and writes the safetensors format: 8 bytes with the
// header's length (little-endian), a JSON header, then the raw little-endian data
// (github.com/huggingface/safetensors). Files come from disks and strangers, so
// everything in a header is checked before memory is set aside for it. Tensors are
// streamed in and out: a file needs no second copy of its data in memory.
//
// What may not enter this room: models, runs, checksums, decisions about paths.
package safetensors
