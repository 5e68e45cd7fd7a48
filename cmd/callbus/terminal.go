package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal tells whether a person looks at what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// colours tells whether w may be written to in colour (https://no-color.org).
func (w *world) colours(out io.Writer) bool {
	return isTerminal(out) && !w.has("NO_COLOR") && variablesOf(w.environ)["TERM"] != "dumb"
}
