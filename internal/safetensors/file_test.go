package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dsconv/internal/safetensors"
)

// encode writes a file of both types into memory.
func encode(t testing.TB, n int) []byte {
	t.Helper()
	floats, halves := make([]float32, n), make([]uint16, n)
	for i := range n {
		floats[i] = float32(i)/3 - 5
		halves[i] = uint16(math.Float32bits(floats[i]) >> 16)
	}
	var out bytes.Buffer
	w, err := safetensors.NewWriter(&out, map[string]string{"case": "<test>", "lr": "1e-05"}, []safetensors.Tensor{
		{Name: "a", DType: safetensors.F32, Shape: []int{1, n}},
		{Name: "scalar", DType: safetensors.F32},
		{Name: "half", DType: safetensors.BF16, Shape: []int{n}},
		{Name: "none", DType: safetensors.F32, Shape: []int{0, 4}},
		{Name: "bits", DType: safetensors.BF16, Shape: []int{2}},
	})
	check(t, err)
	check(t, w.WriteFloat32("a", floats))
	check(t, w.WriteFloat32("scalar", []float32{42}))
	check(t, w.WriteBF16("half", halves))
	check(t, w.WriteFloat32("none", nil))
	check(t, w.WriteBF16("bits", []uint16{0x3f80, 0x4000}))
	check(t, w.Close())
	return out.Bytes()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The sizes cross the boundary of a chunk.
func TestRoundTrip(t *testing.T) {
	for _, n := range []int{1, 7, 32768, 70001} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		check(t, os.WriteFile(path, encode(t, n), 0o600))
		f, err := safetensors.Open(path)
		check(t, err)
		defer f.Close()
		if got := f.Names(); !slices.Equal(got, []string{"a", "scalar", "half", "none", "bits"}) {
			t.Errorf("names %v", got)
		}
		if m := f.Metadata(); m["case"] != "<test>" || m["lr"] != "1e-05" {
			t.Errorf("metadata %v", m)
		}
		a, shape, err := f.Float32("a")
		check(t, err)
		if !slices.Equal(shape, []int{1, n}) || len(a) != n {
			t.Fatalf("a has shape %v and %d values", shape, len(a))
		}
		half, _, err := f.Float32("half")
		check(t, err)
		bits := make([]uint16, n)
		check(t, f.ReadBF16Into("half", bits))
		for i := range n {
			want := float32(i)/3 - 5
			if a[i] != want {
				t.Fatalf("element %d: %v", i, a[i])
			}
			if upper := math.Float32bits(want) &^ 0xffff; uint32(bits[i])<<16 != upper || math.Float32bits(half[i]) != upper {
				t.Fatalf("element %d: bits %#x and value %v of %v", i, bits[i], half[i], want)
			}
		}
		if v, _, err := f.Float32("bits"); err != nil || !slices.Equal(v, []float32{1, 2}) {
			t.Errorf("bits: %v %v", v, err)
		}
		if s, shape, err := f.Float32("scalar"); err != nil || len(shape) != 0 || s[0] != 42 {
			t.Errorf("scalar: %v %v %v", s, shape, err)
		}
	}
}

// Others write integers: the golden vectors have some.
func TestInt32(t *testing.T) {
	const n = 70001 // more than two chunks
	data := file(fmt.Sprintf(`{"tokens":{"dtype":"I32","shape":[1,%d],"data_offsets":[0,%d]}}`, n, 4*n), 0)
	for i := range n {
		data = binary.LittleEndian.AppendUint32(data, uint32(i-7))
	}
	f, err := safetensors.Read(bytes.NewReader(data), int64(len(data)), "x")
	check(t, err)
	tokens, shape, err := f.Int32("tokens")
	check(t, err)
	if !slices.Equal(shape, []int{1, n}) || len(tokens) != n {
		t.Fatalf("shape %v and %d values", shape, len(tokens))
	}
	for i, v := range tokens {
		if v != int32(i-7) {
			t.Fatalf("element %d: %d", i, v)
		}
	}
	if err := f.ReadFloat32Into("tokens", make([]float32, n)); err == nil {
		t.Error("integers were read as floats")
	}
}

// file puts a header before n bytes of data.
func file(header string, n int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), make([]byte, n)...)
}

// badFiles are refused, with a message that says why.
var badFiles = []struct {
	name string
	data []byte
	want string
}{
	{"empty", nil, "too few for a header"},
	{"short", []byte{1, 2, 3}, "too few for a header"},
	{"huge header", binary.LittleEndian.AppendUint64(nil, 1<<40), "at most 16777216"},
	{"header past the end", binary.LittleEndian.AppendUint64(nil, 100), "in a file of 8"},
	{"not JSON", file("{oops}", 0), "header:"},
	{"no brace", file(" {}", 0), "does not begin with {"},
	{"not UTF-8", file("{\"\xff\":1}", 0), "not UTF-8"},
	{"two objects", file("{}{}", 0), "goes on"},
	{"array", file("[]", 0), "does not begin"},
	{"cut", file(`{"a":{"dtype":"F32","shape":[1]`, 4), "header:"},
	{"no offsets", file(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "needs dtype, shape and data_offsets"},
	{"unknown key", file(`{"a":{"dtype":"F32","shape":[1],"offset":[0,4]}}`, 4), `unknown key "offset"`},
	{"duplicate tensor", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `"a" appears twice`},
	{"duplicate shape", file(`{"a":{"dtype":"U8","shape":[1],"shape":[1]}}`, 1), `"shape" appears twice`},
	{"duplicate metadata", file(`{"__metadata__":{"a":"1","a":"2"}}`, 0), `"a" appears twice`},
	{"metadata number", file(`{"__metadata__":{"a":1}}`, 0), "not a string"},
	{"unknown dtype", file(`{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}`, 4), `unknown dtype "F31"`},
	{"negative size", file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4), "not a size"},
	{"fraction", file(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4), "not a size"},
	{"text in shape", file(`{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}`, 4), "not a number"},
	{"overflowing shape", file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "too large"},
	{"many dimensions", file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 32)+`1],"data_offsets":[0,1]}}`, 1), "more than 32"},
	{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, 1), "more than 2"},
	{"one offset", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1), "1 numbers instead of 2"},
	{"wrong size", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "takes 8 bytes"},
	{"backwards", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), "do not fit"},
	{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), `overlap those of "a"`},
	{"gap", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "belong to no tensor"},
	{"past the end", file(`{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}`, 8), "only 8 bytes"},
	{"trailing bytes", file(`{}`, 1), "1 bytes at the end"},
	{"deep", file("{\"a\":{\"dtype\":"+strings.Repeat("[", 1<<16), 0), "not a string"},
}

func TestBadFiles(t *testing.T) {
	for _, c := range badFiles {
		_, err := safetensors.Read(bytes.NewReader(c.data), int64(len(c.data)), "bad")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "safetensors: bad:") {
			t.Errorf("%s: got %v, want a message with %q", c.name, err, c.want)
		}
	}
}

func TestBadRequests(t *testing.T) {
	data := encode(t, 3)
	f, err := safetensors.Read(bytes.NewReader(data), int64(len(data)), "x")
	check(t, err)
	for what, err := range map[string]error{
		"missing":    f.ReadFloat32Into("b", nil),
		"wrong type": f.ReadBF16Into("a", make([]uint16, 3)),
		"wrong size": f.ReadFloat32Into("a", make([]float32, 2)),
		"wrong bits": f.ReadBF16Into("bits", nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	w, err := safetensors.NewWriter(&bytes.Buffer{}, nil, []safetensors.Tensor{{Name: "a", DType: safetensors.F32, Shape: []int{2}}})
	check(t, err)
	for what, err := range map[string]error{
		"order":      w.WriteFloat32("b", make([]float32, 2)),
		"size":       w.WriteFloat32("a", make([]float32, 3)),
		"type":       w.WriteBF16("a", make([]uint16, 2)),
		"unfinished": w.Close(),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for what, list := range map[string][]safetensors.Tensor{
		"twice":    {{Name: "a", DType: "U8"}, {Name: "a", DType: "U8"}},
		"reserved": {{Name: "__metadata__", DType: "U8"}},
		"dtype":    {{Name: "a", DType: "F8"}},
		"shape":    {{Name: "a", DType: "U8", Shape: []int{-1}}},
	} {
		if _, err := safetensors.NewWriter(&bytes.Buffer{}, nil, list); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// A file that shrinks after its header was read gives an error, not zeros.
func TestTruncatedAfterOpen(t *testing.T) {
	data := encode(t, 100)
	f, err := safetensors.Read(bytes.NewReader(data[:len(data)-150]), int64(len(data)), "x")
	check(t, err)
	if _, _, err := f.Float32("half"); err == nil {
		t.Error("a tensor that is not there was read")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encode(f, 5))
	for _, c := range badFiles {
		f.Add(c.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := safetensors.Read(bytes.NewReader(data), int64(len(data)), "fuzz")
		if err != nil {
			return
		}
		total := 0
		for _, name := range file.Names() {
			d, ok := file.Tensor(name)
			if !ok {
				t.Fatalf("%q is listed but missing", name)
			}
			switch d.DType {
			case safetensors.F32, safetensors.BF16:
				v, _, err := file.Float32(name)
				check(t, err)
				total += len(v)
			case safetensors.I32:
				v, _, err := file.Int32(name)
				check(t, err)
				total += len(v)
			}
		}
		if total > len(data) {
			t.Fatalf("%d values out of %d bytes", total, len(data))
		}
	})
}

func Example() {
	var file bytes.Buffer
	w, err := safetensors.NewWriter(&file, map[string]string{"step": "10"}, []safetensors.Tensor{
		{Name: "embed", DType: safetensors.F32, Shape: []int{2, 2}},
	})
	if err != nil {
		panic(err)
	}
	if err := w.WriteFloat32("embed", []float32{1, 2, 3, 4}); err != nil {
		panic(err)
	}
	f, err := safetensors.Read(bytes.NewReader(file.Bytes()), int64(file.Len()), "memory")
	if err != nil {
		panic(err)
	}
	data, shape, err := f.Float32("embed")
	fmt.Println(f.Metadata()["step"], shape, data, err)
	// Output: 10 [2 2] [1 2 3 4] <nil>
}
