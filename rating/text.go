package rating

import (
	"fmt"
	"strings"

	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// calculation is a line's arithmetic with its figures: 340 × 0.0100 = 3.40.
func calculation(l *Line) string {
	exact := l.Quantity.Mul(l.UnitPrice)
	var room [96]byte // most texts fit
	text := l.UnitPrice.Append(append(l.Quantity.Append(room[:0]), " × "...))
	if l.Part != money.Whole {
		text = fmt.Appendf(text, " × %d/%d", l.Part.N, l.Part.D)
		// Without a remainder the product is shown; else only the rounded amount.
		exact = l.Amount.Value()
	}
	text = append(text, " = "...)
	if !exact.Equal(l.Amount.Value()) {
		text = append(exact.Append(text), ", rounded to "...)
	}
	return string(l.Amount.Append(text))
}

// dimensionText is a group's dimensions by name: direction=outbound carrier=.
func dimensionText(meter *catalog.Meter, values []string) string {
	var parts []string
	for i, by := range meter.By {
		parts = append(parts, by+"="+values[i])
	}
	return strings.Join(parts, " ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
