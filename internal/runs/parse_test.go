package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"dsconv/internal/train"
)

func TestMetricRoundTrip(t *testing.T) {
	for _, m := range []Metric{
		{Step: 1, Tokens: 64, Loss: 5.551115123125783e-17, Accuracy: 1.0 / 3, GradNorm: 1e300, LR: 1e-5, Seconds: 0.25},
		{Step: 2, Loss: math.NaN(), GradNorm: math.NaN(), Skipped: true},
		{Step: 3, Eval: &Eval{1, 0.5, 0.25, math.NaN()}},
		{Step: 4, Eval: &Eval{1, 0.5, 0.25, 0.75}, ConvGradNorm: 2, TokensPerS: 1000},
	} {
		line := m.appendTo(nil)
		if !json.Valid(line) {
			t.Fatalf("%s is not JSON", line)
		}
		var got Metric
		check(t, json.Unmarshal(line, &got))
		if d := got.Difference(m); d != "" {
			t.Error(d)
		}
		if again := got.appendTo(nil); string(again) != string(line) {
			t.Errorf("%s became %s", line, again)
		}
	}
}

// A line that waits for its evaluation says the same of its step afterwards.
func TestPendingRoundTrip(t *testing.T) {
	m := Metric{Step: 3, Tokens: 64, Loss: 1.5, Accuracy: 0.25, GradNorm: 2, ConvGradNorm: 1, LR: 1e-3, Skipped: true}
	if d := metricOf(m.stats(), nil, 0).Difference(m); d != "" {
		t.Error(d)
	}
}

// Timing is no difference; everything else is, and is named.
func TestMetricDifference(t *testing.T) {
	a := Metric{Step: 3, Loss: 1, Eval: &Eval{1, 1, 1, 1}, TokensPerS: 5, Seconds: 1}
	b := a
	b.TokensPerS, b.Seconds = 7, 9
	if d := a.Difference(b); d != "" {
		t.Errorf("timing: %s", d)
	}
	b.Loss = math.Nextafter(1, 2)
	if d := a.Difference(b); d != `step 3: "loss":1 against step 3: "loss":1.0000000000000002` {
		t.Errorf("loss: %s", d)
	}
	b = a
	b.Eval = nil
	if a.Difference(b) == "" {
		t.Error("a missing evaluation is no difference")
	}
}

func TestParseMetrics(t *testing.T) {
	for _, c := range []struct {
		text  string
		lines int
		want  string
	}{
		{"", 0, ""},
		{`{"step":1}` + "\n" + `{"step":2}` + "\n", 2, ""},
		{`{"step":1}` + "\n" + `{"step":2}`, 1, ""}, // torn, though it happens to parse
		{`{"step":1}` + "\n" + `{"step`, 1, ""},
		{`{"step":1}` + "\n" + "\x00\x00\x00\n", 1, ""},
		{`{"step":1}` + "\n{}\n" + `{"step":3}` + "\n", 1, "line 2: step 0 is not a step"},
		{`{"step":2}` + "\n" + `{"step":2}` + "\n" + `{"step":3}` + "\n", 1, "line 2: step 2 follows step 2"},
		{`{"step":1,"loss":"x"}` + "\n" + `{"step":3}` + "\n", 0, "line 1: json:"},
		{strings.Repeat("x", maxLine+1) + "\n" + `{"step":3}` + "\n", 0, "line 1: file is too large"},
		{`{"step":1}` + "\n" + strings.Repeat("x", 3*maxLine) + "\n" + `{"step":3}` + "\n", 1, "line 2: file is too large"},
		{`{"step":1}` + "\n" + strings.Repeat("\x00", 3*maxLine), 1, ""},
		{`{"step":1}` + strings.Repeat(" ", maxLine-10) + "\n" + `{"step":2}` + "\n", 2, ""},
	} {
		list, err := parseMetrics([]byte(c.text))
		if len(list) != c.lines || c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%.60q: %d lines, error %v", c.text, len(list), err)
		}
	}
}

func parseMetrics(data []byte) (list []Metric, err error) {
	err = eachMetric(bytes.NewReader(data), func(m Metric) { list = append(list, m) })
	return list, err
}

func FuzzMetrics(f *testing.F) {
	f.Add([]byte(`{"step":1,"tokens":64,"loss":2.5,"accuracy":0.5,"grad_norm":1,"conv_grad_norm":0,"lr":0.001,"tokens_per_s":100,"seconds":1}` + "\n"))
	f.Add([]byte(`{"step":1,"loss":null,"skipped":true}` + "\n" + `{"step":2,"eval_loss":1,"eval_accuracy":0,"eval_solved":0,"oracle":0.5}` + "\n{"))
	f.Add([]byte("{\"step\":1}\n\n[]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseMetrics(data)
		last := 0
		var again []byte
		for _, m := range list {
			if m.Step <= last {
				t.Fatalf("step %d after step %d", m.Step, last)
			}
			last = m.Step
			again = m.appendTo(again)
		}
		second, err2 := parseMetrics(again)
		if err2 != nil || len(second) != len(list) {
			t.Fatalf("%d lines became %d: %v (first %v)", len(list), len(second), err2, err)
		}
	})
}

func sampleManifest() manifest {
	return manifest{
		Format: Format, Step: 40, Identity: "0123456789ab", Seconds: 1.5, Guard: train.Guard{Mean: 1.0 / 3, Seen: 4},
		Metrics: mark{7, "ab"}, Files: map[string]fileHash{modelFile: {10, "cd"}},
	}
}

func TestManifestRoundTrip(t *testing.T) {
	want := sampleManifest()
	data, err := seal(want)
	check(t, err)
	if !json.Valid(data) {
		t.Errorf("%s is not JSON", data)
	}
	got, err := decodeManifest(data)
	check(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for n := range data {
		if _, err := decodeManifest(data[:n]); err == nil {
			t.Errorf("the first %d bytes pass as a manifest", n)
		}
	}
	old := want
	old.Format = Format + 1
	data, err = seal(old)
	check(t, err)
	if _, err := decodeManifest(data); err == nil || !strings.Contains(err.Error(), "format 2, this version of dsconv reads format 1") {
		t.Errorf("format: %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	data, err := seal(sampleManifest())
	check(f, err)
	f.Add(data)
	f.Add([]byte("{}"))
	f.Add([]byte(sealOpen + strings.Repeat("0", 64) + sealClose))
	f.Add([]byte(`{"format":1,"step":-1,"files":{"../../etc":{"size":-5}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		// As it is, and as the body of a file whose seal is right.
		sum := sha256.Sum256(data)
		for _, d := range [][]byte{data, fmt.Appendf(bytes.Clone(data), "%s%x%s", sealOpen, sum, sealClose)} {
			m, err := decodeManifest(d)
			if err != nil {
				continue
			}
			if _, err := seal(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSummaryRoundTrip(t *testing.T) {
	want := Summary{Metric{Step: 9, Loss: 0.5, Eval: &Eval{math.Inf(1), 0.5, 0, 1}}, time.Date(2026, 7, 1, 2, 3, 4, 0, time.UTC)}
	m := newMemFS()
	check(t, writeMarker(m, doneFile, want))
	got, err := readSummary(m)
	check(t, err)
	if d := got.Difference(want.Metric); d != "" || !got.Finished.Equal(want.Finished) {
		t.Errorf("%s, finished %v", d, got.Finished)
	}
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"a", "tiny-dyn-0123456789ab", "A.b_c-9", strings.Repeat("x", 64)} {
		if err := CheckName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "..", ".hidden", "-x", "a/b", "a\\b", "a b", "ä", "a\x00", "a\n", strings.Repeat("x", 65)} {
		var refusal Refusal
		if err := CheckName(bad); !errors.As(err, &refusal) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func ExampleCheckName() {
	fmt.Println(CheckName("recall-s1"))
	fmt.Println(CheckName("../etc"))
	// Output:
	// <nil>
	// runs: run name "../etc": use 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or digit
}
