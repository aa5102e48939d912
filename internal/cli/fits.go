package cli

import (
	"fmt"
	"slices"
	"strings"

	"dsconv/internal/arch"
	"dsconv/internal/bench"
	"dsconv/internal/config"
	"dsconv/internal/tasks"
)

// fits refuses a configuration whose run would need more memory than is free, before
// anything is started. available 0 means that the system does not say.
func fits(c *config.Config, available int64) error {
	labelled := tasks.MaxLabels(c.Task)
	corpus, err := tasks.CorpusBytes(c.Task)
	if err != nil {
		return err
	}
	need := func(c *config.Config) int64 {
		return corpus + arch.SpecOf(c).MemoryBytes(c.Train.MicroBatch, labelled)
	}
	total := need(c)
	if available <= 0 || total <= available {
		return nil
	}
	parts := append(arch.SpecOf(c).MemoryParts(c.Train.MicroBatch, labelled), arch.Part{Name: corpusPart, Bytes: corpus})
	slices.SortStableFunc(parts, func(a, b arch.Part) int { return int(b.Bytes>>20 - a.Bytes>>20) })
	var largest []string
	for _, p := range parts[:3] {
		largest = append(largest, fmt.Sprintf("%s %s", p.Name, bytesText(p.Bytes)))
	}
	msg := fmt.Sprintf("the run needs about %s of memory, and %s are free; the largest parts are %s", bytesText(total), bytesText(available), strings.Join(largest, ", "))

	// Each saving that helps, the cheapest in accuracy first, until it fits.
	smaller := c.Clone()
	var keys []string
	for _, saving := range []struct {
		key   string
		apply func(*config.Config)
	}{
		{"memory.recompute=block", func(c *config.Config) { c.Memory.Recompute = "block" }},
		{"memory.keep=0", func(c *config.Config) { c.Memory.Keep = 0 }},
		{"train.micro_batch=1", func(c *config.Config) { c.Train.MicroBatch = 1 }},
		{"memory.moments=bf16", func(c *config.Config) { c.Memory.Moments = "bf16" }},
		{"memory.grads=bf16", func(c *config.Config) { c.Memory.Grads = "bf16" }},
	} {
		before := need(smaller)
		saving.apply(smaller)
		if need(smaller) < before {
			keys = append(keys, "--set "+saving.key)
		}
		if need(smaller) <= available {
			return usagef("%s. It fits with %s", msg, strings.Join(keys, " "))
		}
	}
	rest := "a smaller model or a larger machine"
	if corpus > 0 {
		rest = "fewer task.files, " + rest
	}
	if len(keys) > 0 {
		return usagef("%s. Even with %s it needs %s: use a shorter task.seq_len, %s", msg, strings.Join(keys, " "), bytesText(need(smaller)), rest)
	}
	return usagef("%s. Use %s", msg, rest)
}

// fitsHere is fits for this machine.
func fitsHere(c *config.Config) error { return fits(c, bench.AvailableMemory()) }
