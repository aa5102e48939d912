package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ladder is a file of points whose dyn variant needs 1.5 times less compute.
func ladder(t *testing.T) string {
	var b strings.Builder
	b.WriteString("variant,params,tokens,flops,loss,seed\n")
	for i := range 6 {
		n := 1e6 * math.Pow(2, float64(i))
		c := 6 * n * 50 * n
		fmt.Fprintf(&b, "base,%g,%g,%g,%g,1\n", n, 50*n, c, 1.9+500*math.Pow(c, -0.18))
		fmt.Fprintf(&b, "dyn,%g,%g,%g,%g,1\n", n, 50*n, c, 1.9+500*math.Pow(1.5*c, -0.18))
	}
	file := filepath.Join(t.TempDir(), "points.csv")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func runCommand(args ...string) (out string, err error) {
	var o, e bytes.Buffer
	f := &Factory{In: strings.NewReader(""), Out: &o, Err: &e, Width: 100, RunRoot: "runs"}
	root := NewRoot(f)
	root.SetArgs(args)
	err = root.Execute()
	return o.String(), err
}

func TestFitJSON(t *testing.T) {
	out, err := runCommand("fit", "--points", ladder(t), "--json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Advantages []struct {
			Variant              string
			Advantage, Low, High float64
		}
		Warnings []struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Advantages) != 1 || r.Advantages[0].Variant != "dyn" {
		t.Fatalf("advantages %+v", r.Advantages)
	}
	if a := r.Advantages[0]; math.Abs(a.Advantage-1.5) > 0.01 || a.Low > 1.5 || a.High < 1.5 {
		t.Errorf("advantage %+v, want 1.5 within its interval", a)
	}
	if len(r.Warnings) == 0 {
		t.Error("one seed, and no warning")
	}
}

func TestFitText(t *testing.T) {
	out, err := runCommand("fit", "--points", ladder(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1.500", "cannot support", "12 points"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestFitRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"--compute is":    {"fit", "--points", ladder(t), "--compute", "days"},
		"no finished run": {"fit", "--runs", t.TempDir()},
		"no such file":    {"fit", "--points", "nowhere.csv"},
		"no point has":    {"fit", "--points", ladder(t), "--base", "bsae"},
	} {
		if _, err := runCommand(args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}
