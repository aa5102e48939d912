package config

import (
	"errors"
	"os"
	"testing"
)

// FuzzParse: no input makes the decoder panic, and what it takes is written and
// read again to the same bytes and the same identity.
func FuzzParse(f *testing.F) {
	for _, file := range []string{"full.good.yml", "short.good.yml", "types.bad.yml", "alias.bad.yml", "merge.bad.yml", "deep.bad.yml", "duplicate.bad.yml", "two.bad.yml"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nmodel: *c\n"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Add([]byte("model: {dim: !!binary aGk=}\n"))
	f.Add([]byte("train: {steps: 0x10, batch: 0o10, eval_every: 1_0}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		var e *Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
			return
		}
		first, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("resolved: %v\n%s", err, first)
		}
		second, err := again.YAML()
		if err != nil || string(first) != string(second) || c.Hash() != again.Hash() {
			t.Fatalf("resolved twice:\n%s\n%s", first, second)
		}
	})
}

// FuzzSet: no flag makes the decoder panic.
func FuzzSet(f *testing.F) {
	for _, s := range []string{"train.steps=10", "conv.placement=q,k", "conv.placement=[q, k]", "name=x", "labels.x=1", "=", "train.steps=[[", "task.files=a,b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, set string) {
		if _, err := Load("", WithSet([]string{set})); err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
		}
	})
}
