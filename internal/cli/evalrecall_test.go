package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dsconv/internal/config"
	"dsconv/internal/train"
)

func TestRecallGrid(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    string
		options evalRecallOptions
		want    string
		skipped int
		err     string
	}{
		{name: "bare", kind: "mqar", want: "4/64 4/128 4/256 8/64 8/128 8/256 16/64 16/128 16/256"},
		{name: "given", kind: "mqar", options: evalRecallOptions{pairs: []int{2, 40}, lengths: []int{64, 160}}, want: "4/64 2/64 2/160 40/160", skipped: 1},
		{name: "one axis", kind: "mqar", options: evalRecallOptions{lengths: []int{128}}, want: "4/64 4/128"},
		{name: "its own twice", kind: "mqar", options: evalRecallOptions{pairs: []int{4}}, want: "4/64"},
		{name: "none", kind: "mqar", options: evalRecallOptions{pairs: []int{0}}, err: "there is no such setting: 0 pairs in 64 tokens: task.pairs: must be from 1"},
		{name: "bare varkey", kind: "varkey", want: "4/64/3 4/128/3 4/256/3 8/64/3 8/128/3 8/256/3 16/128/3 16/256/3"},
		{name: "key lengths", kind: "varkey", options: evalRecallOptions{keyLengths: []int{2, 4}}, want: "4/64/3 4/64/2 4/64/4"},
		{name: "mad", kind: "mad-recall", want: "0/64"},
		{name: "mad with pairs", kind: "mad-recall", options: evalRecallOptions{pairs: []int{4}}, err: "own setting"},
	} {
		run := config.Default()
		run.Task.Kind = c.kind
		if c.kind == "mad-recall" {
			run.Task.Pairs = 0
		}
		grid, skipped, err := recallGrid(run, c.options)
		if err != nil || c.err != "" {
			if err == nil || c.err == "" || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.err)
			}
			continue
		}
		var got []string
		for _, task := range grid {
			s := fmt.Sprintf("%d/%d", task.Pairs, task.SeqLen)
			if c.kind == "varkey" {
				s += fmt.Sprintf("/%d", task.KeyMax)
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != c.want || len(skipped) != c.skipped {
			t.Errorf("%s: got %v, skipped %v; want %s", c.name, got, skipped, c.want)
		}
	}
}

func TestRecallGridKeepsToLearnedPositions(t *testing.T) {
	run := config.Default()
	run.Model.Position = "learned"
	grid, _, err := recallGrid(run, evalRecallOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range grid {
		if task.SeqLen > run.Task.SeqLen {
			t.Errorf("%d tokens for %d positions", task.SeqLen, run.Task.SeqLen)
		}
	}
}

func TestPrintRecall(t *testing.T) {
	var out, log bytes.Buffer
	f := &Factory{Out: &out, Err: &log}
	f.printRecall(recallResult{
		Run: "runs/x", Step: 400, Task: "varkey", Accuracy: 0.995,
		Cells: []recallCell{
			{Pairs: 8, SeqLen: 64, KeyMax: 3, Trained: true, Accuracy: 0.995, Solved: 0.97, Floor: 0.125, Examples: 512,
				GroupName: "key length", Groups: []train.Group{{Group: 1, Accuracy: 1}, {Group: 2, Accuracy: 0.98765}}},
			{Pairs: 8, SeqLen: 128, KeyMax: 3, Accuracy: 0.5},
			{Pairs: 16, SeqLen: 128, KeyMax: 3, Accuracy: 0.21},
			{Pairs: 8, SeqLen: 128, KeyMax: 4, Accuracy: 0.1},
		},
		Skipped: []string{"16 pairs in 64 tokens: task.seq_len: too short"},
	})
	want := `run runs/x, step 400, task varkey
accuracy 0.9950 as trained, 0.9700 of 512 examples without a mistake; guessing gives 0.1250
by key length:  1: 1.0000  2: 0.9877

keys of up to 3 tokens
     pairs   64 tokens  128 tokens
         8    █ 0.995*    ▒ 0.500 
        16           -    ░ 0.210 

keys of up to 4 tokens
     pairs   64 tokens  128 tokens
         8           -      0.100 
        16           -           -

* as trained; - there is no such setting
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the table (-want +got):\n%s", diff)
	}
	if log.String() != "skipped 16 pairs in 64 tokens: task.seq_len: too short\n" {
		t.Errorf("told %q", log.String())
	}
}
