package train

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dsconv/internal/config"
	"dsconv/internal/tasks"
)

// TestGroups counts one example by hand: two keys of one token, one of two.
func TestGroups(t *testing.T) {
	c := config.Default().Task
	c.Kind, c.Pairs = "varkey", 4
	task, err := tasks.New(c, 1)
	if err != nil {
		t.Fatal(err)
	}
	const none = tasks.Ignore
	tally := groups{}
	tally.add(task,
		[]int32{9, 1, 9, 2, 9, 1, 2},
		[]int32{none, 20, none, 21, none, none, 22},
		[]int32{0, 20, 0, 20, 0, 0, 22})
	name, got := tally.of(task)
	want := []Group{{Group: 1, Labelled: 2, Accuracy: 0.5}, {Group: 2, Labelled: 1, Accuracy: 1}}
	if diff := cmp.Diff(want, got); diff != "" || name != "key length" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
