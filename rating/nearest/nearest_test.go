package nearest

import "testing"

func TestWord(t *testing.T) {
	there := []string{"price", "rule", "message_id", "USD", "up_to"}
	for _, c := range []struct{ word, want string }{
		{"pirce", "price"}, // two neighbours swapped
		{"prices", "price"},
		{"MessageId", "message_id"},
		{"usd", "USD"},
		{"upto", "up_to"},
		{"rle", "rule"},
		{"y", ""}, // all of it would differ
		{"cost", ""},
		{"", ""},
	} {
		if got := Word(c.word, there); got != c.want {
			t.Errorf("%q: %q, want %q", c.word, got, c.want)
		}
	}
}

func TestOrThere(t *testing.T) {
	for _, c := range []struct {
		word  string
		there []string
		want  string
	}{
		{"plsu", []string{"basic", "plus"}, ` (did you mean "plus"?)`},
		{"gold", []string{"basic", "plus"}, " (there are basic, plus)"},
		{"gold", []string{"basic"}, " (there is basic)"},
		{"gold", nil, ""},
	} {
		if got := OrThere(c.word, c.there); got != c.want {
			t.Errorf("%q of %v: %q, want %q", c.word, c.there, got, c.want)
		}
	}
}
