package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Where   string   // file:line, environment variable or flag; empty where the default is to blame
	Keys    []string // the key it is about, then those that its rule involves
	Message string   // value, rule, and what to do
}

// Error is the message behind the place and the key.
func (p Problem) Error() string {
	s := p.Message
	if len(p.Keys) > 0 {
		s = p.Keys[0] + ": " + s
	}
	if p.Where != "" {
		s = p.Where + ": " + s
	}
	return s
}

// Error is a configuration that was refused, with all that is wrong with it.
type Error struct{ Problems []Problem }

// shownProblems bounds a message; what follows is often a consequence of the first.
const shownProblems = 10

func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return "config: " + e.Problems[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "config: %d problems:", len(e.Problems))
	for i, p := range e.Problems {
		if i == shownProblems {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Problems)-i)
			break
		}
		b.WriteString("\n  " + p.Error())
	}
	return b.String()
}

// refuse is the error of one problem that no key is to blame for.
func refuse(where, format string, args ...any) error {
	return &Error{Problems: []Problem{{Where: where, Message: fmt.Sprintf(format, args...)}}}
}

// problems collects what is wrong, so that one reading of a file tells it all.
type problems struct{ list []Problem }

// maxProblems ends the reading of a file that is something else altogether.
const maxProblems = 100

func (p *problems) full() bool { return len(p.list) >= maxProblems }

func (p *problems) add(where, key, format string, args ...any) {
	if len(key) > 80 {
		key = key[:80] + ".."
	}
	p.list = append(p.list, Problem{Where: where, Keys: keysOf(key), Message: fmt.Sprintf(format, args...)})
}

func keysOf(key string) []string {
	if key == "" {
		return nil
	}
	return []string{key}
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &Error{Problems: p.list}
}
