package tasks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Description is an example that a person can check.
type Description struct {
	Task    string   `json:"task"`
	Split   string   `json:"split"`
	Index   uint64   `json:"index"`
	Vocab   int      `json:"vocab"`
	Tokens  []int32  `json:"tokens"`
	Targets []int32  `json:"targets"`           // -100 where there is no label
	Parts   []string `json:"parts,omitempty"`   // what each token is for; empty: filler
	Legend  string   `json:"legend,omitempty"`  // how to read the parts
	Oracle  *float64 `json:"oracle,omitempty"`  // nats: the loss of the generator itself
	Symbols []string `json:"symbols,omitempty"` // tokens as text, where they are text

	targetSymbols []string
}

// annotator is a Task that can say what each token is for.
type annotator interface {
	// annotate is Example, and also names the part of each token in parts, which
	// is empty before. It returns how to read the names.
	annotate(split Split, index uint64, tokens, targets []int32, parts []string) (legend string)
}

// speller is a Task whose tokens are text.
type speller interface {
	symbol(token int32) string
}

// Describe returns example index of a split with what can be said about it.
func Describe(t Task, split Split, index uint64) Description {
	n := t.SeqLen()
	d := Description{Task: t.Name(), Split: split.String(), Index: index, Vocab: t.Vocab(), Tokens: make([]int32, n), Targets: make([]int32, n)}
	if a, ok := t.(annotator); ok {
		d.Parts = make([]string, n)
		d.Legend = a.annotate(split, index, d.Tokens, d.Targets, d.Parts)
		if !slices.ContainsFunc(d.Parts, func(p string) bool { return p != "" }) {
			d.Parts = nil
		}
	} else {
		t.Example(split, index, d.Tokens, d.Targets)
	}
	if s, ok := t.(speller); ok {
		for i, token := range d.Tokens {
			d.Symbols = append(d.Symbols, s.symbol(token))
			label := ""
			if d.Targets[i] != Ignore {
				label = s.symbol(d.Targets[i])
			}
			d.targetSymbols = append(d.targetSymbols, label)
		}
	}
	if o, ok := t.(Oracle); ok {
		nats, _ := o.OracleLoss(split, index)
		d.Oracle = &nats
	}
	return d
}

// Text draws the example in columns, as many as fit in width:
//
//	position  0   1   2   3
//	part      k1  v1      k1?
//	token     17  201 9   17
//	label     .   .   .   201
func (d Description) Text(width int) string {
	rows := []struct {
		name  string
		cells []string
	}{{name: "position"}, {name: "part", cells: d.Parts}, {name: "token", cells: d.Symbols}, {name: "label", cells: d.targetSymbols}}
	labelled := 0
	for i, y := range d.Targets {
		rows[0].cells = append(rows[0].cells, strconv.Itoa(i))
		label := "."
		if y != Ignore {
			label = strconv.Itoa(int(y))
			labelled++
		}
		if d.Symbols == nil {
			rows[2].cells = append(rows[2].cells, strconv.Itoa(int(d.Tokens[i])))
			rows[3].cells = append(rows[3].cells, label)
		}
	}
	cell := 0
	for _, r := range rows {
		for _, c := range r.cells {
			cell = max(cell, utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	labels := "labels"
	if labelled == 1 {
		labels = "label"
	}
	fmt.Fprintf(&b, "%s, %s example %d: %d tokens of a vocabulary of %d, %d %s\n", d.Task, d.Split, d.Index, len(d.Tokens), d.Vocab, labelled, labels)
	if d.Legend != "" {
		fmt.Fprintln(&b, d.Legend)
	}
	if d.Oracle != nil {
		fmt.Fprintf(&b, "loss of the generator itself: %.4f nats a label\n", *d.Oracle)
	}
	columns := max(1, (width-8)/(cell+1))
	for at := 0; at < len(d.Tokens); at += columns {
		b.WriteByte('\n')
		for _, r := range rows {
			if r.cells == nil {
				continue
			}
			line := fmt.Sprintf("%-8s", r.name)
			for _, c := range r.cells[at:min(at+columns, len(d.Tokens))] {
				line += " " + c + strings.Repeat(" ", cell-utf8.RuneCountInString(c))
			}
			fmt.Fprintln(&b, strings.TrimRight(line, " "))
		}
	}
	return b.String()
}
