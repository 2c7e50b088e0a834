package readers

import (
	"fmt"
	"strings"
)

// didYouMean is a question in brackets for a name that is not there: the one
// that is spelled nearest, if it is near. It is empty otherwise.
func didYouMean(name string, there []string) string {
	best, nearest := "", len(plainName(name))/3+1
	for _, candidate := range there {
		if d := editDistance(plainName(name), plainName(candidate)); d < nearest {
			best, nearest = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// plainName is a name without what is spelled one way here and another there:
// MessageId, message_id, message-id.
func plainName(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// editDistance is how many characters have to be put in, taken out or changed
// to make one text of the other.
func editDistance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			changed := diagonal
			if x != y {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, diagonal+1)
		}
	}
	return row[len(to)]
}
