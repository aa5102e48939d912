// Package report turns finished runs into the paper's claims with verdicts, and into
// one page that a browser shows without a network. The claims, the paper's values
// and the rule of each verdict are data, in claims.yaml; a verdict is computed from
// runs and never written by hand.
//
// Training, and printing to a terminal, may not enter this room.
package report
