// Package bug carries a panic from the goroutine on which it happened to the one that
// waits for it. Go ends a program on the spot when a goroutine of its own panics, with
// the exit code that dsconv has for wrong arguments; a panic that is carried ends where
// all of them do, in the command line. Nothing here prints or decides.
package bug

import (
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Panic is a panic that was recovered, to panic with again elsewhere.
type Panic struct {
	Value any
	Stack []byte // of the goroutine on which it happened first
}

// Of is the panic of a recovered value, which is not nil: call it where recover was
// called. A panic that comes from another goroutine stays what it is.
func Of(recovered any) *Panic {
	if p, ok := recovered.(*Panic); ok {
		return p
	}
	return &Panic{recovered, debug.Stack()}
}

// Error is the text of the value, without the stack.
func (p *Panic) Error() string { return fmt.Sprint(p.Value) }

// Group is a sync.WaitGroup for functions that may panic.
type Group struct {
	// Stop, when not nil, is called as soon as one has panicked, so that the others can
	// end early.
	Stop func()

	all   sync.WaitGroup
	first atomic.Pointer[Panic]
}

// Go runs f on a goroutine of its own.
func (g *Group) Go(f func()) {
	g.all.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				g.first.CompareAndSwap(nil, Of(r))
				if g.Stop != nil {
					g.Stop()
				}
			}
		}()
		f()
	})
}

// Wait waits for all to end. If some have panicked it panics with the first *Panic.
func (g *Group) Wait() {
	g.all.Wait()
	if p := g.first.Load(); p != nil {
		panic(p)
	}
}
