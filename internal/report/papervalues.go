package report

import "math"

// paperLoss are perplexities of the paper at 300M parameters by sweep and variant
// (tables 3a to 3c, and table 1 for the ladder); gains are differences of their logarithms.
var paperLoss = map[string]map[string]float64{
	"ablation-width":     {"base": 19.12, "dyn width=1": 18.42, "dyn width=2": 18.17, "dyn width=3": 18.08, "dyn width=4": 18.10, "dyn width=5": 18.09, "dyn width=6": 18.10},
	"ablation-rank":      {"base": 19.12, "dyn rank=4": 18.26, "dyn rank=8": 18.19, "dyn rank=16": 18.10, "dyn rank=32": 18.04, "dyn rank=64": 17.87, "dyn rank=128": 17.85},
	"ablation-headsize":  {"base": 19.12, "headwise head_size=8": 18.03, "headwise head_size=16": 18.08, "headwise head_size=32": 18.21, "headwise head_size=64": 18.25, "headwise head_size=128": 18.40},
	"ablation-placement": {"base": 19.12, "q": 18.69, "k": 18.83, "v": 18.56, "qk": 18.44, "qv": 18.36, "kv": 18.35, "qkv": 18.10},
	"ablation-qknorm":    {"base": 18.69, "static": 18.56, "headwise": 18.30, "dyn": 17.95},
	"ladder":             {"base": 19.12, "dyn": 18.01},
}

// paperOther are its compute advantages, and the bounds of its overhead in percent.
var paperOther = map[string]map[string]float64{
	"advantage": {"dyn": 1.33, "dynall": 1.60},
	"overhead":  {"static": 6, "dyn": 8, "dynhw": 8, "dynall": 25},
}

// paperValue is what the paper has for a variant: the gain over base in nats for a
// sweep, or the named quantity. NaN where it gives nothing.
func paperValue(what, variant string) float64 {
	if v, ok := paperOther[what][variant]; ok {
		return v
	}
	base, ok := paperLoss[what]["base"]
	v, also := paperLoss[what][variant]
	if !ok || !also {
		return math.NaN()
	}
	return math.Log(base / v)
}
