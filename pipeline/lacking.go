package pipeline

import (
	"context"

	"ratemill/readers"
)

// checkLacking stops the night where a layout names what no record of any of
// its files has: a misspelt path would else refuse, or leave out, all there is.
// One file alone says nothing: webhooks come one a file, and a record that
// lacks a key is a bad row. It is for formats whose records say what they
// have; the others are refused when they are opened.
func (n *night) checkLacking(ctx context.Context, exports []*readers.Export) error {
	type wish struct {
		of   *layout
		name string
	}
	had := map[wish]bool{}
	for i, e := range exports {
		for _, name := range e.Had() {
			had[wish{n.files[i].layout, name}] = true
		}
	}
	for i, e := range exports { // in the order of the plan
		for _, name := range e.Lacking() {
			if !had[wish{n.files[i].layout, name}] {
				return e.LackingError(ctx, name)
			}
		}
	}
	return nil
}
