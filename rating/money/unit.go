package money

import "unique"

// unit is an amount's currency in one word, and equal where the currencies are.
// With it an amount has four words. The compiler keeps as many in registers;
// what is larger it copies by way of memory, where each copy waits until the
// one before is written.
type unit = unique.Handle[Currency]

// none is the unit of amounts without a currency.
var none unit

// listed are the units of the currencies of ISO 4217, by the letters of their
// codes: an account's is asked for with every amount that begins at zero.
var listed = func() (units [1 << 15]unit) {
	for _, c := range currencies {
		units[letters(c.Code)] = unique.Make(c)
	}
	return units
}()

// letters is a place for a code of three letters.
func letters(code string) int { return int(code[0]&31)<<10 | int(code[1]&31)<<5 | int(code[2]&31) }

func unitOf(c Currency) unit {
	switch {
	case c.Code == "":
		return none
	case len(c.Code) == 3:
		if u := listed[letters(c.Code)]; u != none && u.Value() == c {
			return u
		}
	}
	return unique.Make(c)
}
