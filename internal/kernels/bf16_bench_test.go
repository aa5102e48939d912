package kernels

import "testing"

// BenchmarkBF16 is each kernel on vectors that no cache holds, beside copying and the
// triad, which memory alone limits. Bytes are those that a kernel reads and writes.
func BenchmarkBF16(b *testing.B) {
	defer SetThreads(0)
	SetThreads(1)
	const n = 32 << 20
	x, y, z, w := Aligned(n), Aligned(n), Aligned(n), Aligned(n)
	g, m, v := AlignedBF16(n), AlignedBF16(n), AlignedBF16(n)
	for i := range n {
		x[i], y[i], z[i], w[i], g[i], m[i], v[i] = 1, 1e-3, 1e-3, 1e-3, 0x3c00, 0x3c00, 0x3800
	}
	a := AdamW{LR: 1e-4, Beta1: 0.9, Beta2: 0.95, Eps: 1e-8, WeightDecay: 0.1, Step: 10, Scale: 1}
	for _, k := range []struct {
		name  string
		bytes int64
		run   func(seed uint64)
	}{
		{"copy", 8, func(uint64) { copy(x, y) }},
		{"triad", 12, func(uint64) { triad(x, y, z, 0.5) }},
		{"load", 6, func(uint64) { LoadBF16(x, g) }},
		{"store", 6, func(seed uint64) { StoreBF16(g, y, false, seed) }},
		{"store-add", 8, func(seed uint64) { StoreBF16(g, y, true, seed) }},
		{"squares", 2, func(uint64) { Narrow{BF16: m}.SumSquares() }},
		{"adamw-f32", 28, func(seed uint64) { a.UpdateNarrow(x, Narrow{F32: y}, Narrow{F32: z}, Narrow{F32: w}, seed) }},
		{"adamw-grads", 26, func(seed uint64) { a.UpdateNarrow(x, Narrow{BF16: g}, Narrow{F32: y}, Narrow{F32: z}, seed) }},
		{"adamw-moments", 20, func(seed uint64) { a.UpdateNarrow(x, Narrow{F32: y}, Narrow{BF16: m}, Narrow{BF16: v}, seed) }},
		{"adamw-both", 18, func(seed uint64) { a.UpdateNarrow(x, Narrow{BF16: g}, Narrow{BF16: m}, Narrow{BF16: v}, seed) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			b.SetBytes(n * k.bytes)
			for i := range b.N {
				k.run(uint64(i))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		})
	}
}
