package readers

import "bytes"

// csvLines says which lines of a CSV file are no records.
type csvLines struct {
	skipBlank bool
	comment   byte // that they begin with; 0: none do
	footer    int  // that are the last, blank ones not counted
}

// found passes over lines that are no records; false at the end of the records.
func (r *records) found() (bool, error) {
	for {
		if r.at == len(r.buffer) {
			if r.ended {
				return false, nil
			}
			if err := r.more(); err != nil {
				return false, err
			}
			continue
		}
		passed, err := r.passLine()
		if err != nil {
			return false, err
		}
		if passed {
			continue
		}
		ended, err := r.inFooter()
		return !ended && err == nil, err
	}
}

// passLine passes over a line that is blank or a comment, if one is there.
func (r *records) passLine() (passed bool, err error) {
	if r.comment != 0 && r.buffer[r.at] == r.comment {
		_, _, err := r.anyLine()
		return true, err
	}
	for r.skipBlank {
		rest := r.buffer[r.at:]
		text := bytes.TrimLeft(rest, r.blanks()+"\r")
		switch {
		case len(text) > 0 && text[0] == '\n':
			r.at += len(rest) - len(text) + 1
			return true, nil
		case len(text) > 0:
			return false, nil
		case r.ended:
			r.at = len(r.buffer)
			return true, nil
		}
		if err := r.more(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// inFooter tells whether no more lines are left than the footer has. A record
// is whole lines, so that it is enough to look where one begins.
func (r *records) inFooter() (bool, error) {
	for r.footer > 0 {
		lines := 0
		for rest := r.buffer[r.at:]; len(rest) > 0 && lines <= r.footer; {
			line, after, whole := bytes.Cut(rest, []byte("\n"))
			if !whole && !r.ended {
				break
			}
			if rest = after; len(bytes.TrimSpace(line)) > 0 {
				lines++
			}
		}
		if lines > r.footer || r.ended {
			return lines <= r.footer, nil
		}
		if err := r.more(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// blanks are what is cut off cells.
func (r *records) blanks() string {
	switch {
	case !r.trim:
		return ""
	case r.delimiter == '\t':
		return " "
	case r.delimiter == ' ':
		return "\t"
	}
	return " \t"
}

// pastBlanks is the place behind the blanks at a place.
func (r *records) pastBlanks(at int) int {
	return len(r.buffer) - len(bytes.TrimLeft(r.buffer[at:], r.blanks()))
}
