// Package nearest finds the word that a misspelt one was probably meant to be.
package nearest

import (
	"fmt"
	"slices"
	"strings"
)

// DidYouMean is a question in brackets for a word that is not among those that
// there are: the nearest one, if one is near. It is empty otherwise.
func DidYouMean(word string, there []string) string {
	if near := Word(word, there); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// Word is the candidate with the fewest edits from the word, the first of
// equals, or empty where none is near: a third of the word may differ. Letter
// case and what joins words (MessageId, message_id, message-id) do not count.
func Word(word string, candidates []string) string {
	word = plain(word)
	best, fewest := "", min(max(1, min(len(word), 30)/3), max(len(word)-1, 0))+1
	for _, c := range candidates {
		if n := edits(word, plain(c), fewest); n < fewest {
			best, fewest = c, n
		}
	}
	return best
}

// shown is how many words are listed; more help nobody.
const shown = 20

// OrThere is DidYouMean, or where no word is near, in brackets what there is.
func OrThere(word string, there []string) string {
	if hint := DidYouMean(word, there); hint != "" || len(there) == 0 {
		return hint
	}
	more := ""
	there = distinct(there)
	if len(there) > shown {
		more = fmt.Sprintf(" and %d more", len(there)-shown)
		there = there[:shown]
	}
	verb := "are"
	if len(there) == 1 {
		verb = "is"
	}
	return " (there " + verb + " " + strings.Join(there, ", ") + more + ")"
}

// distinct are the words, each at its first place.
func distinct(words []string) []string {
	var all []string
	for _, w := range words {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	return all
}

var joints = strings.NewReplacer("_", "", "-", "", " ", "")

func plain(name string) string { return joints.Replace(strings.ToLower(name)) }

// edits is how many insertions, deletions, replacements and swaps of
// neighbours make b of a; or limit, where it is not fewer.
func edits(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
