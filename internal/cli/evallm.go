package cli

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"
)

type evalLMOptions struct {
	dir      string
	examples int
	asJSON   bool
}

// lmResult is what a language model does on documents it never saw.
type lmResult struct {
	Run         string   `json:"run"`
	Step        int      `json:"step"`
	Task        string   `json:"task"`
	SeqLen      int      `json:"seq_len"`
	Examples    int      `json:"examples"`
	Tokens      int      `json:"tokens"` // predicted
	Loss        float64  `json:"loss"`   // nats a token
	Perplexity  float64  `json:"perplexity"`
	Accuracy    float64  `json:"accuracy"`
	BitsPerByte *float64 `json:"bits_per_byte,omitempty"` // of text
	Oracle      *float64 `json:"oracle,omitempty"`        // of synthetic language: the generator's own loss
	OracleGap   *float64 `json:"oracle_gap,omitempty"`    // loss - oracle
}

func newCmdEvalLM(f *Factory) *cobra.Command {
	var o evalLMOptions
	cmd := &cobra.Command{
		Use:   "lm",
		Short: "Loss, perplexity, bits per byte, and the gap to the oracle",
		Long: `Evaluate a language model on the test split: documents, or windows of files held
out, that were never trained on.

For text, whose tokens are bytes, bits per byte is the loss divided by ln 2. For
synthetic language the generator knows its own probabilities: the oracle is its loss
on the same tokens, which no model can go below on average, and the gap is what a
model could still learn.`,
		Example: `  dsconv eval lm
  dsconv eval lm --run runs/tiny-lm-dyn-db3ab38400fe --examples 2000 --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkExamples("lm", o.examples); err != nil {
				return err
			}
			return evalLMRun(f, o)
		},
	}
	bindEval(cmd, &o.dir, &o.examples, &o.asJSON)
	return cmd
}

func evalLMRun(f *Factory, o evalLMOptions) error {
	run, err := f.openEval("lm", o.dir, true)
	if err != nil {
		return err
	}
	task := run.config.Task
	e, err := run.on(task, o.examples)
	if err != nil {
		return err
	}
	r := lmResult{
		Run: run.dir, Step: run.step, Task: task.Kind, SeqLen: task.SeqLen, Examples: e.Examples, Tokens: e.Labelled,
		Loss: e.Loss, Perplexity: math.Exp(e.Loss), Accuracy: e.Accuracy,
	}
	if task.Kind == "text" {
		bits := e.Loss / math.Ln2
		r.BitsPerByte = &bits
	}
	if !math.IsNaN(e.Oracle) {
		gap := e.Loss - e.Oracle
		r.Oracle, r.OracleGap = &e.Oracle, &gap
	}
	if o.asJSON {
		return f.printJSON(r)
	}
	line := func(name, format string, args ...any) {
		fmt.Fprintf(f.Out, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("run", "%s, step %d", r.Run, r.Step)
	line("task", "%s, %d examples of %d tokens", r.Task, r.Examples, r.SeqLen)
	line("loss", "%.4f nats a token", r.Loss)
	line("perplexity", "%.4g", r.Perplexity)
	line("accuracy", "%.4f", r.Accuracy)
	if r.BitsPerByte != nil {
		line("bits per byte", "%.4f", *r.BitsPerByte)
	}
	if r.Oracle != nil {
		line("oracle", "%.4f nats a token, the loss of the generator itself", *r.Oracle)
		line("gap", "%.4f nats a token", *r.OracleGap)
	}
	return nil
}
