package cli

import (
	"math"

	"github.com/spf13/cobra"
)

type evalLMOptions struct {
	dir      string
	examples int
	asJSON   bool
}

// lmResult is what a language model does on documents it never saw. The loss of one that
// diverged, and all the more its perplexity, may be no number.
type lmResult struct {
	Run         string  `json:"run"`
	Step        int     `json:"step"`
	Task        string  `json:"task"`
	SeqLen      int     `json:"seq_len"`
	Examples    int     `json:"examples"`
	Tokens      int     `json:"tokens"` // predicted
	Loss        *number `json:"loss"`   // nats a token
	Perplexity  *number `json:"perplexity"`
	Accuracy    float64 `json:"accuracy"`
	BitsPerByte *number `json:"bits_per_byte,omitempty"` // of text
	Oracle      *number `json:"oracle,omitempty"`        // of synthetic language: the generator's own loss
	OracleGap   *number `json:"oracle_gap,omitempty"`    // loss - oracle
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
			if err := checkExamples("eval lm", o.examples); err != nil {
				return err
			}
			return evalLMRun(f, o)
		},
	}
	bindEval(cmd, &o.dir, &o.examples, &o.asJSON)
	return cmd
}

func evalLMRun(f *Factory, o evalLMOptions) error {
	run, err := f.openEval(o.dir, true)
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
		Loss: numberOf(e.Loss), Perplexity: numberOf(math.Exp(e.Loss)), Accuracy: e.Accuracy,
		Oracle: numberOf(e.Oracle), OracleGap: numberOf(e.Loss - e.Oracle),
	}
	if task.Kind == "text" {
		r.BitsPerByte = numberOf(e.Loss / math.Ln2)
	}
	if o.asJSON {
		return f.printJSON(r)
	}
	line := f.lines(14)
	line("run", "%s, step %d", r.Run, r.Step)
	line("task", "%s, %d examples of %d tokens", r.Task, r.Examples, r.SeqLen)
	line("loss", "%s nats a token", r.Loss.text("%.4f"))
	line("perplexity", "%s", r.Perplexity.text("%.4g"))
	line("accuracy", "%.4f", r.Accuracy)
	if r.BitsPerByte != nil {
		line("bits per byte", "%s", r.BitsPerByte.text("%.4f"))
	}
	if r.Oracle != nil {
		line("oracle", "%s nats a token, the loss of the generator itself", r.Oracle.text("%.4f"))
		line("gap", "%s nats a token", r.OracleGap.text("%.4f"))
	}
	return nil
}
