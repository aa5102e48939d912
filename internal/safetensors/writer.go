package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
)

// Writer writes tensors one after another, as the list given to NewWriter says.
type Writer struct {
	w       io.Writer
	tensors []Tensor // still to come
	buf     []byte
}

// NewWriter writes the header for tensors in this order and returns a Writer for
// their data. Put wider types first where types are mixed, so that every tensor
// starts at a multiple of its element's size.
func NewWriter(w io.Writer, meta map[string]string, tensors []Tensor) (*Writer, error) {
	head, err := formatHeader(meta, tensors)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(head); err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return &Writer{w: w, tensors: tensors}, nil
}

// formatHeader is the length prefix and the header, padded with spaces to a
// multiple of 8 bytes.
func formatHeader(meta map[string]string, tensors []Tensor) ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, 8, 8+128*len(tensors)))
	sep := byte('{')
	put := func(key string, v any) error {
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		value, err := json.Marshal(v)
		out.WriteByte(sep)
		sep = ','
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
		return err
	}
	if len(meta) > 0 {
		if err := put(metadataKey, meta); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{metadataKey: true}
	at := int64(0)
	for _, t := range tensors {
		_, size, err := t.elements()
		if err != nil {
			return nil, err
		}
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor %q is listed twice", t.Name)
		}
		seen[t.Name] = true
		shape := t.Shape
		if shape == nil {
			shape = []int{}
		}
		err = put(t.Name, struct {
			DType   DType    `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}{t.DType, shape, [2]int64{at, at + size}})
		if err != nil {
			return nil, err
		}
		at += size
	}
	if sep == '{' {
		out.WriteByte(sep)
	}
	out.WriteByte('}')
	for out.Len()%8 != 0 {
		out.WriteByte(' ')
	}
	n := out.Len() - 8
	if n > MaxHeader {
		return nil, fmt.Errorf("header of %d bytes, at most %d are allowed", n, MaxHeader)
	}
	binary.LittleEndian.PutUint64(out.Bytes(), uint64(n))
	return out.Bytes(), nil
}

// next takes the next tensor off the list and checks that it is the one meant.
func (w *Writer) next(name string, values int, dtype DType) error {
	if len(w.tensors) == 0 || w.tensors[0].Name != name {
		want := "none"
		if len(w.tensors) > 0 {
			want = w.tensors[0].Name
		}
		return fmt.Errorf("safetensors: tensor %q out of order: next is %s", name, want)
	}
	t := w.tensors[0]
	if n, _, _ := t.elements(); t.DType != dtype || n != int64(values) {
		return fmt.Errorf("safetensors: tensor %q is %s %v, which %d values of type %s do not fit", name, t.DType, t.Shape, values, dtype)
	}
	w.tensors = w.tensors[1:]
	return nil
}

// WriteFloat32 writes the next tensor, which is F32.
func (w *Writer) WriteFloat32(name string, data []float32) error {
	if err := w.next(name, len(data), F32); err != nil {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), chunk/4)
		b := w.buf[:0]
		for _, v := range data[:n] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := w.w.Write(b); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		w.buf, data = b, data[n:]
	}
	return nil
}

// WriteBF16 writes the next tensor, which is BF16, from its bits.
func (w *Writer) WriteBF16(name string, data []uint16) error {
	if err := w.next(name, len(data), BF16); err != nil {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), chunk/2)
		b := w.buf[:0]
		for _, v := range data[:n] {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
		if _, err := w.w.Write(b); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		w.buf, data = b, data[n:]
	}
	return nil
}

// Close reports tensors that were announced and not written. It does not close
// the underlying writer.
func (w *Writer) Close() error {
	if len(w.tensors) > 0 {
		return fmt.Errorf("safetensors: tensor %q and %d more were not written", w.tensors[0].Name, len(w.tensors)-1)
	}
	return nil
}
