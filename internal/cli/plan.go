package cli

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dsconv/internal/arch"
	"dsconv/internal/config"
	"dsconv/internal/tasks"
	"dsconv/internal/train"
)

// plan is what a run costs.
type plan struct {
	Name            string       `json:"name"`
	ParamsTotal     int64        `json:"params_total"`
	ParamsEmbedding int64        `json:"params_embedding"`
	ParamsConv      int64        `json:"params_conv"`
	FLOPsPerToken   float64      `json:"flops_per_token"`
	Steps           int          `json:"steps"`
	TokensPerStep   int64        `json:"tokens_per_step"`
	Tokens          int64        `json:"tokens"`
	FLOPs           float64      `json:"flops"` // of the whole run
	MemoryBytes     int64        `json:"memory_bytes"`
	Memory          []memoryPart `json:"memory,omitempty"`
	Jobs            int          `json:"jobs,omitempty"`         // of a sweep: seeds with this plan
	TokensPerS      float64      `json:"tokens_per_s,omitempty"` // measured
	Seconds         float64      `json:"seconds,omitempty"`      // of the whole run, at a given or measured speed
	BudgetTokens    int64        `json:"budget_tokens"`          // what the paper would train on
	BudgetSeconds   float64      `json:"budget_seconds,omitempty"`
	SameParams      *match       `json:"same_params,omitempty"` // base models that cost as much
	SameFLOPs       *match       `json:"same_flops,omitempty"`
}

// paperTokensPerParam is the paper's budget for each parameter outside the convolutions.
const paperTokensPerParam = 50

type memoryPart struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// sweepPlan is what a sweep costs.
type sweepPlan struct {
	Sweep       string  `json:"sweep"`
	Description string  `json:"description,omitempty"`
	Preset      string  `json:"preset,omitempty"`
	Profile     string  `json:"profile,omitempty"`
	Jobs        int     `json:"jobs"`
	FLOPs       float64 `json:"flops"`
	Seconds     float64 `json:"seconds,omitempty"`
	Configs     []plan  `json:"configs"`
}

type planOptions struct {
	load    loadFlags
	preset  string
	gflops  float64
	measure bool
	asJSON  bool
}

func newCmdPlan(f *Factory) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan --config FILE",
		Short: "Say what a run or a sweep costs, without building a model",
		Long: `Count parameters, training FLOPs, tokens and steps, and estimate peak memory.
--config takes a run or a sweep; in a sweep, runs that differ in their seed only
are one row.

FLOPs count matrix products, attention at its causal half, and the filters of
short convolutions; a training token costs three forward passes. Memory is that
of weights, gradients, optimizer, activations, the program, and the text corpus of a
task that reads files. Beside a model with short convolutions stand the base models
of as many parameters or FLOPs. --gflops gives the time at a speed, --measure trains
a few steps on this machine to find it.`,
		Example: `  dsconv plan --config configs/1b-dyn.yaml
  dsconv plan --config configs/300m-dyn.yaml --profile cpu --measure
  dsconv plan --config configs/sweeps/default.yaml --preset paper --gflops 400000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.load.need(cmd, "configs/300m-dyn.yaml"); err != nil {
				return err
			}
			return planRun(f, o)
		},
	}
	o.load.bind(cmd)
	cmd.Flags().StringVar(&o.preset, "preset", "", "size preset of a sweep")
	cmd.Flags().Float64Var(&o.gflops, "gflops", 0, "also print the time at this many GFLOP/s")
	cmd.Flags().BoolVar(&o.measure, "measure", false, "train a few steps of each configuration, and print the time from their speed")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

func planRun(f *Factory, o planOptions) error {
	if o.gflops < 0 || math.IsNaN(o.gflops) {
		return usagef("--gflops must be above 0, or 0 for no time, got %v", o.gflops)
	}
	if o.gflops > 0 && o.measure {
		return usagef("--gflops and --measure exclude each other")
	}
	held := corpora{}
	here := func(p *plan, c *config.Config) error {
		corpus, err := held.bytes(c.Task)
		if err != nil {
			f.warn(fmt.Errorf("the memory is that without the text: %w", err))
		}
		if corpus > 0 {
			p.MemoryBytes += corpus
			p.Memory = append(p.Memory, memoryPart{corpusPart, corpus})
		}
		switch {
		case o.measure:
			return f.measure(p, c)
		case o.gflops > 0:
			p.at(o.gflops * 1e9 / p.FLOPsPerToken)
		}
		return nil
	}
	if config.IsSweep(o.load.file) {
		s, err := config.LoadSweep(o.load.file, o.preset, config.WithProfile(o.load.profile), config.WithSet(o.load.set))
		if err != nil {
			return err
		}
		p, err := planSweep(s, here)
		if err != nil {
			return err
		}
		if o.asJSON {
			return f.printJSON(p)
		}
		printSweepPlan(f.Out, p)
		return nil
	}
	if o.preset != "" {
		return usagef("--preset is for sweeps; %s is a run, which has profiles (--profile)", o.load.file)
	}
	c, err := o.load.config()
	if err != nil {
		return err
	}
	p := planOf(c)
	if err := here(&p, c); err != nil {
		return err
	}
	if o.asJSON {
		return f.printJSON(p)
	}
	f.printPlan(p)
	return nil
}

// planOf plans a run from its configuration alone: no file is looked at, so the memory
// is that without a text corpus.
func planOf(c *config.Config) plan {
	labelled := tasks.MaxLabels(c.Task)
	spec := arch.SpecOf(c)
	n := spec.Count()
	p := plan{
		Name:        c.Name,
		ParamsTotal: n.Total, ParamsEmbedding: n.Embedding, ParamsConv: n.Conv,
		FLOPsPerToken: spec.TrainFLOPsPerToken(labelled),
		Steps:         train.Steps(c),
		TokensPerStep: int64(c.Train.Batch) * int64(c.Task.SeqLen),
		MemoryBytes:   spec.MemoryBytes(c.Train.MicroBatch, labelled),
	}
	for _, part := range spec.MemoryParts(c.Train.MicroBatch, labelled) {
		p.Memory = append(p.Memory, memoryPart{part.Name, part.Bytes})
	}
	p.Tokens = int64(p.Steps) * p.TokensPerStep
	p.FLOPs = float64(p.Tokens) * p.FLOPsPerToken
	p.BudgetTokens = paperTokensPerParam * (n.Total - n.Conv)
	p.SameParams, p.SameFLOPs = matches(c, labelled)
	return p
}

// at sets the times that follow from a speed in tokens a second.
func (p *plan) at(speed float64) {
	p.Seconds = float64(p.Tokens) / speed
	p.BudgetSeconds = float64(p.BudgetTokens) / speed
}

// planSweep plans the cells of a sweep: jobs that differ in more than their seed. here,
// if there is one, adds to each what this machine knows of it.
func planSweep(s *config.Sweep, here func(*plan, *config.Config) error) (sweepPlan, error) {
	jobs, err := s.Expand()
	if err != nil {
		return sweepPlan{}, err
	}
	out := sweepPlan{Sweep: s.Name, Description: s.Description, Preset: s.Preset, Profile: s.Profile, Jobs: len(jobs)}
	index := map[string]int{}
	for _, j := range jobs {
		label := j.Label()
		if i, ok := index[label]; ok {
			out.Configs[i].Jobs++
			continue
		}
		p := planOf(j.Config)
		if here != nil {
			if err := here(&p, j.Config); err != nil {
				return out, fmt.Errorf("%s: %w", label, err)
			}
		}
		p.Name, p.Jobs, p.Memory = label, 1, nil
		index[label] = len(out.Configs)
		out.Configs = append(out.Configs, p)
	}
	for _, p := range out.Configs {
		out.FLOPs += p.FLOPs * float64(p.Jobs)
		out.Seconds += p.Seconds * float64(p.Jobs)
	}
	return out, nil
}

func (f *Factory) printPlan(p plan) {
	line := f.lines(16)
	line("run", "%s", p.Name)
	line("parameters", "%s (embedding %s, short convolutions %s)", si(float64(p.ParamsTotal)), si(float64(p.ParamsEmbedding)), si(float64(p.ParamsConv)))
	line("FLOPs a token", "%s", si(p.FLOPsPerToken))
	line("steps", "%d of %s tokens", p.Steps, si(float64(p.TokensPerStep)))
	line("tokens", "%s", si(float64(p.Tokens)))
	line("FLOPs", "%.3g", p.FLOPs)
	line("memory", "%s", bytesText(p.MemoryBytes))
	for _, m := range p.Memory {
		line("", "%9s  %s", bytesText(m.Bytes), m.Name)
	}
	for _, m := range []struct {
		name string
		*match
	}{{"same parameters", p.SameParams}, {"same FLOPs", p.SameFLOPs}} {
		if m.match != nil {
			line(m.name, "conv.kind=none model.mlp_dim=%d: %s parameters, %s FLOPs a token", m.MLPDim, si(float64(m.ParamsTotal)), si(m.FLOPsPerToken))
		}
	}
	if p.TokensPerS > 0 {
		line("speed here", "%.0f tokens/s, %.3g GFLOP/s", p.TokensPerS, p.TokensPerS*p.FLOPsPerToken/1e9)
	}
	if p.Seconds > 0 {
		line("time", "%s", durationText(p.Seconds))
		line("paper's budget", "%s tokens (%d a parameter): %s", si(float64(p.BudgetTokens)), paperTokensPerParam, durationText(p.BudgetSeconds))
	}
}

func printSweepPlan(out io.Writer, s sweepPlan) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "parameters\tconv\tFLOPs/token\tsteps\ttokens\tFLOPs\tmemory\tjobs\t")
	if s.Seconds > 0 {
		fmt.Fprint(w, "time each\t")
	}
	fmt.Fprintln(w, "  run")
	for _, p := range s.Configs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%.3g\t%s\t%d\t", si(float64(p.ParamsTotal)), si(float64(p.ParamsConv)),
			si(p.FLOPsPerToken), p.Steps, si(float64(p.Tokens)), p.FLOPs, bytesText(p.MemoryBytes), p.Jobs)
		if s.Seconds > 0 {
			fmt.Fprintf(w, "%s\t", durationText(p.Seconds))
		}
		fmt.Fprintf(w, "  %s\n", p.Name)
	}
	w.Flush()
	title := "sweep " + s.Sweep
	if s.Preset != "" {
		title += ", preset " + s.Preset
	}
	if s.Profile != "" {
		title += ", profile " + s.Profile
	}
	fmt.Fprintf(out, "\n%s: %d jobs, %.3g FLOPs", title, s.Jobs, s.FLOPs)
	if s.Seconds > 0 {
		fmt.Fprintf(out, ", %s one after another", durationText(s.Seconds))
	}
	fmt.Fprintln(out)
	if s.Description != "" {
		fmt.Fprintln(out, s.Description)
	}
}
