// Package sweep runs the jobs of a sweep: each in a run directory of its own,
// named by the hash of its resolved configuration, so that a finished job is
// skipped by a second call, an interrupted one goes on where it stopped, and
// nothing is renumbered when the grid changes. It keeps no state of its own: what
// has been done is read from the run directories.
//
// How a job is started is the launcher's business (here: a process of this
// machine); this room decides which, in what order and how many at a time.
//
// What may not enter this room: models, tasks, terminals.
package sweep

import (
	"fmt"
	"path/filepath"

	"dsconv/internal/config"
	"dsconv/internal/runs"
)

// Job is one run of a sweep and where it lives.
type Job struct {
	config.Job
	Dir   string
	State runs.State // when the sweep was planned

	// Refused says why the job may not touch its directory; nil if it may.
	Refused error
}

// Name is the job's directory below the sweep's: variant, seed and hash.
func Name(j config.Job) string {
	return fmt.Sprintf("%s-s%d-%s", j.Variant, j.Seed, j.Config.Hash())
}

// Plan lists the jobs of a sweep whose runs live below dir, with their states, in
// the sweep's order.
func Plan(s *config.Sweep, dir string) ([]Job, error) {
	list, err := s.Expand()
	if err != nil {
		return nil, err
	}
	jobs := make([]Job, len(list))
	for i, j := range list {
		jobs[i] = Job{Job: j, Dir: filepath.Join(dir, Name(j))}
		if jobs[i].State, err = runs.StateOf(jobs[i].Dir); err != nil {
			jobs[i].Refused = err
			continue
		}
		jobs[i].Refused = jobs[i].identity()
	}
	return jobs, nil
}

// identity refuses a directory whose run is another's. One that is damaged is not: the
// job itself mends what can be mended.
func (j Job) identity() error {
	want := j.Config.Hash()
	for _, got := range runs.Identities(j.Dir) {
		if got != want {
			return fmt.Errorf("sweep: %s holds a run of identity %s, but the job is %s: it was moved or edited; remove it, or use another directory", j.Dir, got, want)
		}
	}
	return nil
}
