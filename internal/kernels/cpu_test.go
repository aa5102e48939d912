package kernels

import "testing"

// everyISA runs a test once for each instruction set that the machine has.
func everyISA(t *testing.T, test func(t *testing.T)) {
	for s := ISAGo; s <= bestISA(); s++ {
		t.Run(s.String(), func(t *testing.T) {
			defer setISA(s)()
			test(t)
		})
	}
}

func TestChooseISA(t *testing.T) {
	for _, c := range []struct {
		want      string
		best, got ISA
	}{
		{"", ISAAVX512, ISAAVX512},
		{"avx2", ISAAVX512, ISAAVX2},
		{"AVX2", ISAAVX512, ISAAVX2},
		{"go", ISAAVX512, ISAGo},
		{"avx512", ISAAVX512, ISAAVX512},
		{"avx512", ISAAVX2, ISAAVX2},
		{"avx512", ISAGo, ISAGo},
		{"neon", ISAAVX2, ISAAVX2},
	} {
		if got := chooseISA(c.want, c.best); got != c.got {
			t.Errorf("chooseISA(%q, %v) = %v, want %v", c.want, c.best, got, c.got)
		}
	}
}

func TestSetISA(t *testing.T) {
	former := ActiveISA()
	restore := setISA(ISAGo)
	if ActiveISA() != ISAGo {
		t.Errorf("setISA(go): %v in use", ActiveISA())
	}
	restore()
	if ActiveISA() != former {
		t.Errorf("restored to %v, want %v", ActiveISA(), former)
	}
}
