package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"dsconv/internal/report"
	"dsconv/internal/runs"
)

// recallTable has the settings of one key length by pairs and length.
type recallTable struct {
	title          string // where there are key lengths
	pairs, lengths []int
	cells          [][]*recallCell // [pairs][lengths]; nil: there is no such setting
}

// recallTables arranges cells, a table for each key length; all have the same pairs and
// lengths.
func recallTables(cells []recallCell) []recallTable {
	var out []recallTable
	pairs := valuesOf(cells, func(c recallCell) int { return c.Pairs })
	lengths := valuesOf(cells, func(c recallCell) int { return c.SeqLen })
	for _, keyMax := range valuesOf(cells, func(c recallCell) int { return c.KeyMax }) {
		t := recallTable{pairs: pairs, lengths: lengths, cells: make([][]*recallCell, len(pairs))}
		if keyMax > 0 {
			t.title = fmt.Sprintf("keys of up to %d tokens", keyMax)
		}
		for i := range pairs {
			t.cells[i] = make([]*recallCell, len(lengths))
		}
		for i, c := range cells {
			if c.KeyMax == keyMax {
				t.cells[slices.Index(pairs, c.Pairs)][slices.Index(lengths, c.SeqLen)] = &cells[i]
			}
		}
		out = append(out, t)
	}
	return out
}

// valuesOf lists the different values of cells in order.
func valuesOf(cells []recallCell, of func(recallCell) int) []int {
	var out []int
	for _, c := range cells {
		if v := of(c); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// printRecallTable prints a row for each number of pairs.
func (f *Factory) printRecallTable(t recallTable) {
	fmt.Fprintln(f.Out)
	if t.title != "" {
		fmt.Fprintln(f.Out, t.title)
	}
	fmt.Fprintf(f.Out, "%10s", "pairs")
	for _, n := range t.lengths {
		fmt.Fprintf(f.Out, "%12s", fmt.Sprintf("%d tokens", n))
	}
	fmt.Fprintln(f.Out)
	for i, pairs := range t.pairs {
		fmt.Fprintf(f.Out, "%10d", pairs)
		for _, c := range t.cells[i] {
			fmt.Fprintf(f.Out, "%12s", cellText(c))
		}
		fmt.Fprintln(f.Out)
	}
}

// writeHeatmap draws the cells, a panel for each key length.
func writeHeatmap(file string, r recallResult) error {
	h := report.Heatmap{Title: "accuracy of " + r.Run, Rows: "pairs", Columns: "tokens"}
	for _, t := range recallTables(r.Cells) {
		p := report.HeatPanel{Title: t.title, Marked: [2]int{-1, -1}}
		for _, n := range t.lengths {
			p.Columns = append(p.Columns, strconv.Itoa(n))
		}
		for i, pairs := range t.pairs {
			values := make([]float64, len(t.lengths))
			for j, c := range t.cells[i] {
				values[j] = math.NaN()
				if c != nil {
					values[j] = c.Accuracy
				}
				if c != nil && c.Trained {
					p.Marked = [2]int{i, j}
				}
			}
			p.Rows, p.Values = append(p.Rows, strconv.Itoa(pairs)), append(p.Values, values)
		}
		h.Panels = append(h.Panels, p)
	}
	if err := runs.ReplaceFile(file, h.WriteSVG); err != nil {
		return fmt.Errorf("eval recall: heat map: %w", err)
	}
	return nil
}

// cellText is an accuracy with its shade.
func cellText(c *recallCell) string {
	if c == nil {
		return "-"
	}
	shades := []rune(" ░▒▓█")
	mark := " "
	if c.Trained {
		mark = "*"
	}
	return fmt.Sprintf("%c %.3f%s", shades[min(int(c.Accuracy*5), 4)], c.Accuracy, mark)
}
