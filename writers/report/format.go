package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// figure is a number with thousands separators and so many decimals, half up,
// but all those that it has where it has more than that and up to 4.
func figure(d decimal.Decimal, minor int32) string {
	for minor < 4 && !d.Equal(d.Truncate(minor)) {
		minor++
	}
	return grouped(d.StringFixed(minor))
}

// rounded is a number with thousands separators and just so many decimals.
func rounded(d decimal.Decimal, digits int32) string { return grouped(d.StringFixed(digits)) }

// quantity is a number with the decimals that it has, four at most.
func quantity(d decimal.Decimal) string {
	text := d.StringFixed(4)
	return grouped(strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
}

func whole(n int64) string { return grouped(decimal.NewFromInt(n).String()) }

// grouped puts separators between thousands, and a minus sign for a hyphen.
func grouped(text string) string {
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	digits, rest, _ := strings.Cut(text, ".")
	var b strings.Builder
	if negative && strings.Trim(text, "0.") != "" {
		b.WriteString("−")
	}
	for i, c := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	if rest != "" {
		b.WriteString("." + rest)
	}
	return b.String()
}

// signed has a plus sign, too.
func signed(text string) string {
	if strings.HasPrefix(text, "−") || strings.Trim(text, "0.,") == "" {
		return text
	}
	return "+" + text
}

var thousands = []struct {
	exponent    int32
	short, long string
}{{15, "Q", " quadrillion"}, {12, "T", " trillion"}, {9, "B", " billion"}, {6, "M", " million"}, {3, "k", ""}}

// compact is a number in three digits or so: 1.23M, 1.2M, 12.5.
func compact(d decimal.Decimal) string {
	text, unit := inUnits(d)
	if unit < 0 {
		return quantity(d.Round(2))
	}
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text + thousands[unit].short
}

// amount is money in a chart, all with as many digits: 1.20M, 12.50. Below a
// thousand it has the decimals of its currency.
func amount(d decimal.Decimal, minor int32) string {
	text, unit := inUnits(d)
	if unit < 0 {
		return rounded(d, minor)
	}
	return text + thousands[unit].short
}

// inUnits are the first three digits of a number in thousands, millions, …;
// unit is below zero for a number that is smaller.
func inUnits(d decimal.Decimal) (text string, unit int) {
	for i, t := range thousands {
		if d.Abs().GreaterThanOrEqual(decimal.New(1, t.exponent)) {
			scaled := d.Shift(-t.exponent)
			places := int32(3 - len(scaled.Abs().Truncate(0).String()))
			text := scaled.StringFixed(max(places, 0))
			if i > 0 && strings.TrimPrefix(text, "-") == "1000" { // 999,999 are 1.00M
				return grouped(strings.Replace(text, "000", ".00", 1)), i - 1
			}
			return grouped(text), i
		}
	}
	return "", -1
}

// money is an amount for a sentence: exact up to ten million, in words beyond.
func money(currency string, minor int32, d decimal.Decimal) string {
	return currency + "\u00a0" + spoken(d, minor)
}

func spoken(d decimal.Decimal, minor int32) string {
	if d.Abs().LessThan(decimal.New(1, 7)) {
		return figure(d, minor)
	}
	text, unit := inUnits(d)
	return text + strings.ReplaceAll(thousands[unit].long, " ", "\u00a0")
}

// percent is a share of a whole, above zero, without decimals from 10 % up.
func percent(part, of decimal.Decimal) string {
	if of.IsZero() {
		return "–"
	}
	tenths := part.Shift(3).DivRound(of, 0)
	if part.Sign() > 0 && part.LessThan(of) && tenths.GreaterThanOrEqual(decimal.NewFromInt(995)) {
		return ">\u00a099\u00a0%" // of several one is not all
	}
	if tenths.Abs().GreaterThanOrEqual(decimal.NewFromInt(100)) || part.IsZero() {
		return grouped(part.Shift(2).DivRound(of, 0).String()) + "\u00a0%"
	}
	if tenths.IsZero() {
		return "<\u00a00.1\u00a0%"
	}
	return grouped(tenths.Shift(-1).StringFixed(1)) + "\u00a0%"
}

// change says by how much a figure has grown: +12 %.
func change(p Pair) string {
	switch {
	case p.Now.Equal(p.Before):
		return "0\u00a0%"
	case p.Before.IsZero():
		return "new"
	case p.Before.Sign() < 0 || p.Now.Sign() < 0:
		return "–" // a share of a negative figure tells nothing
	case p.Now.GreaterThanOrEqual(p.Before.Mul(decimal.NewFromInt(10))):
		return "×\u00a0" + compact(p.Now.DivRound(p.Before, 0))
	}
	return signed(percent(p.Change(), p.Before))
}

// against is a change in words, for a sentence.
func against(p Pair) string {
	switch {
	case p.Now.Equal(p.Before):
		return "as much as before"
	case p.Before.Sign() <= 0 || p.Now.Sign() < 0:
		return ""
	case p.Now.GreaterThanOrEqual(p.Before.Mul(decimal.NewFromInt(3))):
		return compact(p.Now.DivRound(p.Before, 1)) + " times as much as before"
	case p.Now.GreaterThan(p.Before):
		return percent(p.Change(), p.Before) + " more than before"
	}
	return percent(p.Change().Neg(), p.Before) + " less than before"
}

// dayText is 16 June 2018.
func dayText(d calendar.Day) string {
	y, m, day := d.Civil()
	return fmt.Sprintf("%d\u00a0%s\u00a0%d", day, m, y)
}

func shortDay(d calendar.Day) string {
	_, m, day := d.Civil()
	return fmt.Sprintf("%d\u00a0%s", day, m.String()[:3])
}

// spanText is a span of days in words: May 2018, 2–16 June 2018.
func spanText(from, to calendar.Day) string {
	if from == to {
		return dayText(from)
	}
	y, m, d := from.Civil()
	y2, m2, d2 := to.Civil()
	_, _, after := (to + 1).Civil()
	switch {
	case y == y2 && m == m2 && d == 1 && after == 1:
		return fmt.Sprintf("%s\u00a0%d", m, y)
	case y == y2 && m == m2:
		return fmt.Sprintf("%d–%d\u00a0%s\u00a0%d", d, d2, m, y)
	case y == y2:
		return fmt.Sprintf("%d\u00a0%s – %s", d, m, dayText(to))
	}
	return dayText(from) + " – " + dayText(to)
}

// plural is 1 night, 2 nights.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1\u00a0" + one
	}
	return whole(n) + "\u00a0" + many
}

// words makes a name of the tables readable: base_fee becomes Base fee. Names
// of a company's own, such as those of plans, stay as they are.
func words(name string) string {
	if name == "" {
		return "(none)"
	}
	text := strings.ReplaceAll(name, "_", " ")
	first, size := utf8.DecodeRuneInString(text)
	return strings.ToUpper(string(first)) + text[size:]
}

// own is a name of a company's own.
func own(name string) string {
	if name == "" {
		return "(none)"
	}
	return name
}

// clipped is a name for a chart, which has no room for a long one. Ids that
// begin alike differ at their ends, so the middle is left out.
func clipped(name string) string {
	const most, end = 30, 12
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	letters := []rune(name)
	return string(letters[:most-end-1]) + "…" + string(letters[len(letters)-end:])
}
