package rating_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
)

// The lines of notes, case by case, in testdata/corrections.txt.
func TestDifferences(t *testing.T) {
	const path = "testdata/corrections.txt"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i, paragraph := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		asked, _, isCase := strings.Cut(paragraph, "\n----")
		if !isCase {
			out = append(out, paragraph)
			continue
		}
		var issued, should []rating.IssuedLine
		for line := range strings.Lines(asked) {
			switch what, rest, _ := strings.Cut(strings.TrimSpace(line), " "); what {
			case "issued":
				issued = append(issued, issuedLine(t, rest))
			case "should":
				should = append(should, issuedLine(t, rest))
			}
		}
		lines, refs := rating.Differences(issued, should, usd)
		got := asked + "\n----"
		for j, l := range lines {
			got += fmt.Sprintf("\n%s %s %s corrects %s: %s", l.Kind, l.Description, l.Amount, refText(refs[j]), l.Calculation)
			if want := money.Line(l.Quantity, l.UnitPrice, l.Part, usd, money.HalfUp); want.Cmp(l.Amount) != 0 {
				t.Errorf("case %d: %s × %s is not %s", i, l.Quantity, l.UnitPrice, l.Amount)
			}
		}
		out = append(out, got)
	}
	got := strings.Join(out, "\n\n") + "\n"
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got != string(text) && !*rewrite {
		t.Errorf("got:\n%s", got)
	}
}

var usd = money.Currency{Code: "USD", Minor: 2}

func refText(r rating.LineRef) string {
	switch {
	case r.InvoiceID == "":
		return "nothing"
	case r.Number == 0:
		return r.InvoiceID
	}
	return fmt.Sprintf("%s:%d", r.InvoiceID, r.Number)
}

// issuedLine reads a line of a case.
func issuedLine(t *testing.T, text string) rating.IssuedLine {
	t.Helper()
	text, corrects, _ := strings.Cut(text, " corrects ")
	words := strings.Fields(text)
	n := len(words)
	on := func(date string) rating.Day {
		if date == "-" {
			return calendar.None
		}
		d, err := calendar.Parse("2024-" + date)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	ref := func(text string) rating.LineRef {
		id, number, _ := strings.Cut(text, ":")
		i, _ := strconv.Atoi(number)
		return rating.LineRef{InvoiceID: id, Number: i}
	}
	amount, err := money.New(decimal.RequireFromString(words[n-1]), usd)
	if err != nil {
		t.Fatal(err)
	}
	l := rating.IssuedLine{On: on(words[0]), At: ref(words[1]), Corrects: ref(corrects)}
	l.Line = rating.Line{Kind: rating.LineKind(words[2]), ServiceDate: on(words[3]), Description: strings.Join(words[4:n-1], " "), Amount: amount, Calculation: "as rated"}
	return l
}
