package config

import (
	"fmt"
	"strings"
)

// unknownKey says that a key does not exist, and which one may have been meant:
// the nearest of the section, or one of that name elsewhere.
func unknownKey(key string, extra ...string) string {
	section, name := "", key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		section, name = key[:i], key[i+1:]
	}
	var near []string
	for _, n := range keys.sections[section] {
		near = append(near, join(section, n))
	}
	if section == "" {
		near = append(near, extra...)
	}
	if best := nearest(key, near); best != "" {
		return fmt.Sprintf("unknown key; did you mean %s?", best)
	}
	for _, k := range keys.keys {
		if strings.HasSuffix(k, "."+name) {
			return fmt.Sprintf("unknown key; did you mean %s?", k)
		}
	}
	if best := nearest(key, keys.keys); best != "" {
		return fmt.Sprintf("unknown key; did you mean %s?", best)
	}
	if names := keys.sections[section]; names != nil && section != "" {
		return fmt.Sprintf("unknown key; %s has %s", section, strings.Join(names, ", "))
	}
	return "unknown key; a configuration has " + strings.Join(append(append([]string(nil), keys.sections[""]...), extra...), ", ")
}

// mustBe is the rule of a key with few values; it ends with the one that was
// probably meant.
func mustBe(value string, allowed []string) string {
	rule := "must be one of " + strings.Join(allowed, ", ")
	if best := nearest(value, allowed); best != "" {
		rule += " (did you mean " + best + "?)"
	}
	return rule
}

// nearest is the candidate that word is most likely a misspelling of, or "".
func nearest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	limit := max(1, min(3, len(word)/3))
	best, found := limit+1, ""
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(word), c); d < best {
			best, found = d, c
		}
	}
	return found
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours (optimal string alignment).
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
