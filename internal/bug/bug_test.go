package bug

import (
	"fmt"
	"strings"
	"testing"
)

// caught is what f panics with.
func caught(f func()) (p any) {
	defer func() { p = recover() }()
	f()
	return nil
}

func fall() { panic("fell") }

// A group's panic has the stack of the goroutine that fell, waits for the others, and
// stays the same when it passes through a second group.
func TestGroup(t *testing.T) {
	stop := make(chan struct{})
	stopped := false
	var outer Group
	outer.Go(func() {
		inner := Group{Stop: func() { close(stop) }}
		inner.Go(func() { <-stop; stopped = true })
		inner.Go(fall)
		inner.Wait()
	})
	p, ok := caught(outer.Wait).(*Panic)
	if !ok || p.Value != "fell" || p.Error() != "fell" || !strings.Contains(string(p.Stack), "bug.fall") {
		t.Errorf("got %#v", p)
	}
	if !stopped {
		t.Error("the other goroutine was not waited for")
	}
}

func ExampleGroup() {
	var g Group
	sum := make(chan int, 2)
	for i := range 2 {
		g.Go(func() { sum <- 10 / (1 + i) })
	}
	g.Wait()
	fmt.Println(<-sum + <-sum)
	// Output: 15
}
