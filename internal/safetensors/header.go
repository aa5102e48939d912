package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// MaxHeader is the longest header that is read or written.
const MaxHeader = 16 << 20

// metadataKey is the header's only key that is not a tensor.
const metadataKey = "__metadata__"

// entry is a tensor and where its data lie, counted from the end of the header.
type entry struct {
	Tensor
	begin, end int64
}

// header is a decoded and checked header.
type header struct {
	meta    map[string]string
	entries []entry // in the order of their data
	byName  map[string]int
}

// parseHeader decodes and checks a header whose file has dataBytes bytes after
// it. encoding/json's struct decoding would let duplicate keys through, so the
// tokens are read one by one.
func parseHeader(text []byte, dataBytes int64) (*header, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("header is not UTF-8")
	}
	if len(text) == 0 || text[0] != '{' {
		return nil, fmt.Errorf("header does not begin with {")
	}
	p := parser{json.NewDecoder(bytes.NewReader(text))}
	p.UseNumber()
	h := &header{byName: map[string]int{}}
	err := p.object(func(key string) error {
		if key == metadataKey {
			h.meta = map[string]string{}
			return p.object(func(k string) error {
				v, err := p.text(metadataKey + "." + k)
				h.meta[k] = v
				return err
			})
		}
		e, err := p.entry(key)
		h.entries = append(h.entries, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	if rest := bytes.Trim(text[p.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, fmt.Errorf("header goes on after its closing brace")
	}
	return h, h.check(dataBytes)
}

// check holds offsets against shapes, types, each other and the file's size: the
// data must be covered without gap or overlap.
func (h *header) check(dataBytes int64) error {
	slices.SortStableFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	for i, e := range h.entries {
		_, size, err := e.elements()
		switch {
		case err != nil:
			return err
		case e.end < e.begin || e.end-e.begin != size:
			return fmt.Errorf("tensor %q: data_offsets [%d,%d] do not fit %s %v, which takes %d bytes", e.Name, e.begin, e.end, e.DType, e.Shape, size)
		case e.begin < at:
			return fmt.Errorf("tensor %q: data overlap those of %q", e.Name, h.entries[i-1].Name)
		case e.begin > at:
			return fmt.Errorf("tensor %q: %d bytes before its data belong to no tensor", e.Name, e.begin-at)
		case e.end > dataBytes:
			return fmt.Errorf("tensor %q: data end at byte %d, but the file has only %d bytes of data", e.Name, e.end, dataBytes)
		}
		at = e.end
		h.byName[e.Name] = i
	}
	if at != dataBytes {
		return fmt.Errorf("%d bytes at the end of the file belong to no tensor", dataBytes-at)
	}
	return nil
}

// parser reads a header's JSON tokens.
type parser struct{ *json.Decoder }

// object reads an object, calling f after each key, which must not repeat.
func (p parser) object(f func(key string) error) error {
	if err := p.delim('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.More() {
		key, err := p.text("key")
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %q appears twice", key)
		}
		seen[key] = true
		if err := f(key); err != nil {
			return err
		}
	}
	return p.delim('}')
}

// entry reads the description of one tensor.
func (p parser) entry(name string) (entry, error) {
	e := entry{Tensor: Tensor{Name: name}}
	var have int
	err := p.object(func(key string) error {
		have++
		switch key {
		case "dtype":
			v, err := p.text(name + ".dtype")
			e.DType = DType(v)
			return err
		case "shape":
			dims, err := p.numbers(name+".shape", maxDims)
			e.Shape = make([]int, len(dims))
			for i, d := range dims {
				if d > math.MaxInt {
					return fmt.Errorf("tensor %q: dimension %d is too large", name, d)
				}
				e.Shape[i] = int(d)
			}
			return err
		case "data_offsets":
			at, err := p.numbers(name+".data_offsets", 2)
			if err == nil && len(at) != 2 {
				err = fmt.Errorf("tensor %q: data_offsets has %d numbers instead of 2", name, len(at))
			}
			if err == nil {
				e.begin, e.end = at[0], at[1]
			}
			return err
		}
		return fmt.Errorf("tensor %q: unknown key %q", name, key)
	})
	if err == nil && have != 3 {
		err = fmt.Errorf("tensor %q: needs dtype, shape and data_offsets", name)
	}
	return e, err
}

// numbers reads a list of at most limit non-negative integers.
func (p parser) numbers(what string, limit int) ([]int64, error) {
	if err := p.delim('['); err != nil {
		return nil, err
	}
	var out []int64
	for p.More() {
		t, err := p.Token()
		if err != nil {
			return nil, jsonError(err)
		}
		text, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%s: %v is not a number", what, t)
		}
		v, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil || v < 0 {
			return nil, fmt.Errorf("%s: %s is not a size", what, text)
		}
		if out = append(out, v); len(out) > limit {
			return nil, fmt.Errorf("%s: more than %d numbers", what, limit)
		}
	}
	return out, p.delim(']')
}

func (p parser) text(what string) (string, error) {
	t, err := p.Token()
	if err != nil {
		return "", jsonError(err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%s: %v is not a string", what, t)
	}
	return s, nil
}

func (p parser) delim(want json.Delim) error {
	t, err := p.Token()
	if err != nil {
		return jsonError(err)
	}
	if t != want {
		return fmt.Errorf("header has %v where %v should be", t, want)
	}
	return nil
}

func jsonError(err error) error { return fmt.Errorf("header: %w", err) }
