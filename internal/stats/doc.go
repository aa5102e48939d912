// Package stats holds the few statistics that the study needs: order statistics,
// and the comparison of two variants over the same seeds, exact where samples are
// small. Nothing here knows of runs, variants or the paper.
package stats
