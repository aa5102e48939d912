//go:build race

package kernels

// Under the race detector a sync.Pool drops what it is given now and then, so that calls
// make garbage.
const poolsKeep = false
