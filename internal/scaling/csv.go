package scaling

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Columns are the columns of a file of points, in the order in which they are
// written. A file may have more; "seconds" is read when asked for.
var Columns = []string{"variant", "params", "tokens", "flops", "loss", "seed"}

// ReadCSV reads points from a file with a header row. compute names the column that
// counts as compute: flops or seconds. file is named in errors.
func ReadCSV(r io.Reader, file, compute string) ([]Point, error) {
	need := slices.Clone(Columns)
	need[slices.Index(need, "flops")] = compute
	c := csv.NewReader(r)
	c.TrimLeadingSpace = true
	c.Comment = '#'
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("fit: %s: the file is empty; the first line names the columns %s", file, strings.Join(need, ","))
	}
	if err != nil {
		return nil, fmt.Errorf("fit: %s: %w", file, err)
	}
	at := map[string]int{}
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("fit: %s: column %q stands twice", file, name)
		}
		at[name] = i
	}
	for _, name := range need {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("fit: %s: column %q is missing; the file needs %s", file, name, strings.Join(need, ","))
		}
	}
	var points []Point
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("fit: %s: %w", file, err)
		}
		line, _ := c.FieldPos(0)
		p := Point{Variant: strings.TrimSpace(row[at["variant"]])}
		if p.Variant == "" {
			return nil, fmt.Errorf("fit: %s:%d: the variant has no name", file, line)
		}
		for _, f := range []struct {
			name string
			to   *float64
		}{{"params", &p.Params}, {"tokens", &p.Tokens}, {compute, &p.Compute}, {"loss", &p.Loss}} {
			text := strings.TrimSpace(row[at[f.name]])
			v, err := strconv.ParseFloat(text, 64)
			if err != nil || !(v > 0) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("fit: %s:%d: %s is %q; want a positive number", file, line, f.name, text)
			}
			*f.to = v
		}
		text := strings.TrimSpace(row[at["seed"]])
		if p.Seed, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, fmt.Errorf("fit: %s:%d: seed is %q; want a whole number", file, line, text)
		}
		points = append(points, p)
	}
	if len(points) == 0 {
		return nil, fmt.Errorf("fit: %s: no points below the header", file)
	}
	return points, nil
}
