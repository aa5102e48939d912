package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"dsconv/internal/config"
)

// Claim is a statement of the paper, or a question that it leaves open, and how a
// verdict on it is computed.
type Claim struct {
	ID      string `yaml:"id" json:"id"`
	Claim   string `yaml:"claim" json:"claim"`
	Paper   string `yaml:"paper" json:"paper"`   // the paper's value
	Source  string `yaml:"source" json:"source"` // where the paper says so
	Sweep   string `yaml:"sweep" json:"sweep"`   // the runs that it is judged by
	Task    string `yaml:"task" json:"task,omitempty"`
	Rule    string `yaml:"rule" json:"rule"`       // one of rules
	Verdict string `yaml:"verdict" json:"how"`     // the rule in words
	Command string `yaml:"command" json:"command"` // DIR is the report's folder; none: what makes the sweep

	Measure  string   `yaml:"measure" json:"measure,omitempty"`
	Of       string   `yaml:"of" json:"of,omitempty"`     // the variant that the claim is about
	Over     []string `yaml:"over" json:"over,omitempty"` // what it is compared with; each must be beaten
	Controls []string `yaml:"controls" json:"controls,omitempty"`
	Lack     string   `yaml:"lack" json:"lack,omitempty"`     // what the controls are without
	Margin   float64  `yaml:"margin" json:"margin,omitempty"` // a gain below it does not count
	Value    float64  `yaml:"value" json:"value,omitempty"`   // the paper's number, where there is one
	Most     float64  `yaml:"most" json:"most,omitempty"`     // bound of an overhead, in percent

	Model *config.Model `yaml:"model" json:"-"` // shape whose parameters are counted
	Conv  *config.Conv  `yaml:"conv" json:"-"`
}

//go:embed claims.yaml
var claimsFile []byte

// Claims is the table of claims, in the order of the report.
func Claims() ([]Claim, error) { return parseClaims("claims.yaml", claimsFile) }

// parseClaims reads a table of claims strictly.
func parseClaims(file string, data []byte) ([]Claim, error) {
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	var claims []Claim
	if err := d.Decode(&claims); err != nil {
		return nil, fmt.Errorf("report: %s: %w", file, err)
	}
	seen := map[string]bool{}
	for i := range claims {
		c := &claims[i]
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("report: %s: claim %q: %w", file, c.ID, err)
		}
		if seen[c.ID] {
			return nil, fmt.Errorf("report: %s: claim %q stands twice", file, c.ID)
		}
		seen[c.ID] = true
	}
	return claims, nil
}

func (c *Claim) check() error {
	for _, f := range []struct{ key, value string }{{"id", c.ID}, {"claim", c.Claim}, {"paper", c.Paper}, {"source", c.Source}, {"verdict", c.Verdict}, {"command", c.Command + c.Sweep}} {
		if strings.TrimSpace(f.value) == "" {
			return fmt.Errorf("%s is missing", f.key)
		}
	}
	rule, ok := rules[c.Rule]
	if !ok {
		return fmt.Errorf("rule %q is unknown; the rules are %s", c.Rule, strings.Join(slices.Sorted(maps.Keys(rules)), ", "))
	}
	if c.Measure != "" {
		if _, ok := measures[c.Measure]; !ok {
			return fmt.Errorf("measure %q is unknown", c.Measure)
		}
	}
	for _, need := range rule.needs {
		missing := map[string]bool{
			"sweep": c.Sweep == "", "measure": c.Measure == "", "of": c.Of == "", "over": len(c.Over) == 0,
			"controls": len(c.Controls) == 0, "lack": c.Lack == "", "most": c.Most <= 0, "value": c.Value == 0, "model": c.Model == nil, "conv": c.Conv == nil,
		}
		if missing[need] {
			return fmt.Errorf("rule %s needs the key %s", c.Rule, need)
		}
	}
	return nil
}

// In is the claim with a command that works in a report's folder.
func (c Claim) In(dir string, runs []*Run) Claim {
	mine := pick(runs, c.Sweep, "")
	switch {
	case c.Command != "":
		c.Command = strings.ReplaceAll(c.Command, "DIR", dir)
	case len(mine) > 0:
		c.Command = commandOf(mine)
	default:
		c.Command = sweepCommand(c.Sweep, filepath.Join(dir, c.Sweep))
	}
	return c
}

// variants lists the variants that a claim needs.
func (c *Claim) variants() []string {
	var out []string
	for _, v := range slices.Concat([]string{c.Of}, c.Over, c.Controls) {
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
