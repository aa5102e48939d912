package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
)

// File is an open file. Its methods may be called concurrently.
type File struct {
	r      io.ReaderAt
	closer io.Closer
	path   string
	data   int64 // offset of the first byte after the header
	header *header
}

// Open opens a file and checks its header.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	out, err := Read(f, info.Size(), path)
	if err != nil {
		f.Close()
		return nil, err
	}
	out.closer = f
	return out, nil
}

// Read checks the header of a file of size bytes; path is for messages only. The
// caller closes r.
func Read(r io.ReaderAt, size int64, path string) (*File, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, fmt.Errorf("safetensors: %s: %d bytes are too few for a header", path, size)
	}
	if err := readFull(r, prefix[:], 0); err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	switch rest := uint64(size) - uint64(len(prefix)); {
	case n > MaxHeader:
		return nil, fmt.Errorf("safetensors: %s: header of %d bytes, at most %d are allowed", path, n, MaxHeader)
	case n > rest:
		return nil, fmt.Errorf("safetensors: %s: header of %d bytes in a file of %d", path, n, size)
	}
	text := make([]byte, n)
	if err := readFull(r, text, int64(len(prefix))); err != nil {
		return nil, fmt.Errorf("safetensors: %s: header: %w", path, err)
	}
	start := int64(len(prefix)) + int64(n)
	h, err := parseHeader(text, size-start)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return &File{r: r, path: path, data: start, header: h}, nil
}

// Close closes a file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Metadata is a copy of the header's free text.
func (f *File) Metadata() map[string]string { return maps.Clone(f.header.meta) }

// Names lists the tensors in the order of their data.
func (f *File) Names() []string {
	names := make([]string, len(f.header.entries))
	for i, e := range f.header.entries {
		names[i] = e.Name
	}
	return names
}

// Tensor describes a tensor; ok is false where there is none of that name.
func (f *File) Tensor(name string) (t Tensor, ok bool) {
	i, ok := f.header.byName[name]
	if !ok {
		return Tensor{}, false
	}
	t = f.header.entries[i].Tensor
	t.Shape = slices.Clone(t.Shape)
	return t, true
}

// find returns a tensor of one of the wanted types and its number of elements.
func (f *File) find(name string, types ...DType) (entry, int64, error) {
	i, ok := f.header.byName[name]
	if !ok {
		return entry{}, 0, fmt.Errorf("safetensors: %s: no tensor %q", f.path, name)
	}
	e := f.header.entries[i]
	if !slices.Contains(types, e.DType) {
		return entry{}, 0, fmt.Errorf("safetensors: %s: tensor %q is %s, want %v", f.path, name, e.DType, types)
	}
	return e, (e.end - e.begin) / sizes[e.DType], nil
}

// Float32 reads an F32 or BF16 tensor and its shape.
func (f *File) Float32(name string) ([]float32, []int, error) {
	e, n, err := f.find(name, F32, BF16)
	if err != nil {
		return nil, nil, err
	}
	out := make([]float32, n)
	return out, slices.Clone(e.Shape), f.ReadFloat32Into(name, out)
}

// ReadFloat32Into reads an F32 or BF16 tensor into dst, which has its size.
func (f *File) ReadFloat32Into(name string, dst []float32) error {
	e, n, err := f.find(name, F32, BF16)
	if err != nil {
		return err
	}
	if err := f.fits(e, n, len(dst)); err != nil {
		return err
	}
	return f.stream(e, func(b []byte) {
		if e.DType == BF16 {
			for ; len(b) > 0; b, dst = b[2:], dst[1:] {
				dst[0] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
			}
			return
		}
		for ; len(b) > 0; b, dst = b[4:], dst[1:] {
			dst[0] = math.Float32frombits(binary.LittleEndian.Uint32(b))
		}
	})
}

// Int32 reads an I32 tensor and its shape.
func (f *File) Int32(name string) ([]int32, []int, error) {
	e, n, err := f.find(name, I32)
	if err != nil {
		return nil, nil, err
	}
	out := make([]int32, 0, n)
	err = f.stream(e, func(b []byte) {
		for ; len(b) > 0; b = b[4:] {
			out = append(out, int32(binary.LittleEndian.Uint32(b)))
		}
	})
	return out, slices.Clone(e.Shape), err
}

// ReadBF16Into reads the bits of a BF16 tensor into dst, which has its size.
func (f *File) ReadBF16Into(name string, dst []uint16) error {
	e, n, err := f.find(name, BF16)
	if err != nil {
		return err
	}
	if err := f.fits(e, n, len(dst)); err != nil {
		return err
	}
	return f.stream(e, func(b []byte) {
		for ; len(b) > 0; b, dst = b[2:], dst[1:] {
			dst[0] = binary.LittleEndian.Uint16(b)
		}
	})
}

func (f *File) fits(e entry, have int64, want int) error {
	if have != int64(want) {
		return fmt.Errorf("safetensors: %s: tensor %q of shape %v has %d values, want %d", f.path, e.Name, e.Shape, have, want)
	}
	return nil
}

// chunk is how much is converted at a time: a multiple of every element's size
// that stays in the cache.
const chunk = 128 << 10

// stream calls f with consecutive pieces of a tensor's bytes.
func (f *File) stream(e entry, use func([]byte)) error {
	buf := make([]byte, min(chunk, e.end-e.begin))
	for at := e.begin; at < e.end; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), e.end-at)]
		if err := readFull(f.r, buf, f.data+at); err != nil {
			return fmt.Errorf("safetensors: %s: tensor %q: %w", f.path, e.Name, err)
		}
		use(buf)
	}
	return nil
}

// readFull fills buf. A reader may report the file's end beside its last bytes.
func readFull(r io.ReaderAt, buf []byte, at int64) error {
	n, err := r.ReadAt(buf, at)
	switch {
	case n == len(buf):
		return nil
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}
