package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// Reasons for which map refuses a cell that holds several things.
const (
	notAList       = "not_a_list"    // neither a;b;c nor a JSON list of texts
	notAmounts     = "not_amounts"   // neither a=1.50;b=2 nor a JSON object of amounts
	notTrueOrFalse = "not_a_boolean" // neither true nor false
	tooLarge       = "overflow"      // an amount that no table can hold
	twiceInBook    = "duplicate_account"
)

// textsOf reads a list: names between semicolons, or a JSON list of texts or
// numbers. Nothing is an empty list; an empty name in it is a mistake.
func textsOf(cell string) ([]string, error) {
	cell = strings.TrimSpace(cell)
	switch {
	case cell == "":
		return nil, nil
	case cell[0] != '[':
		return partsOf(cell)
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(cell), &list); err != nil {
		return nil, errors.New("not a JSON list")
	}
	var all []string
	for i, element := range list {
		text, err := scalarOf(element)
		if err != nil || text == "" {
			return nil, fmt.Errorf("element %d is no text", i+1)
		}
		all = append(all, text)
	}
	return all, nil
}

// partsOf cuts a text at its semicolons.
func partsOf(cell string) ([]string, error) {
	all := strings.Split(cell, ";")
	for i := range all {
		if all[i] = strings.TrimSpace(all[i]); all[i] == "" {
			return nil, fmt.Errorf("element %d is empty", i+1)
		}
	}
	return all, nil
}

// scalarOf is a JSON text, or a number as it is written.
func scalarOf(element json.RawMessage) (string, error) {
	var text string
	if err := json.Unmarshal(element, &text); err == nil && string(element) != "null" {
		return text, nil
	}
	var number json.Number
	err := json.Unmarshal(element, &number)
	return number.String(), err
}

var plainDecimal = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// amountsOf reads amounts by name: name=amount between semicolons, or a JSON
// object of texts or numbers. A name that stands twice stays there twice.
func amountsOf(cell string) ([]rating.OpeningBalance, error) {
	cell = strings.TrimSpace(cell)
	switch {
	case cell == "":
		return nil, nil
	case cell[0] == '{':
		return jsonAmounts(cell)
	}
	parts, err := partsOf(cell)
	if err != nil {
		return nil, err
	}
	var all []rating.OpeningBalance
	for _, part := range parts {
		name, amount, found := strings.Cut(part, "=")
		if !found {
			return nil, fmt.Errorf("%q is not NAME=AMOUNT", part)
		}
		if all, err = addAmount(all, strings.TrimSpace(name), strings.TrimSpace(amount)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// jsonAmounts reads an object member by member, since a map would lose one
// that stands twice.
func jsonAmounts(cell string) ([]rating.OpeningBalance, error) {
	d := json.NewDecoder(bytes.NewReader([]byte(cell)))
	d.Token() // the brace
	var all []rating.OpeningBalance
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errors.New("not a JSON object")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errors.New("not a JSON object")
		}
		amount, err := scalarOf(value)
		if err != nil {
			return nil, fmt.Errorf("%q is no amount", name)
		}
		if all, err = addAmount(all, name.(string), amount); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("not a JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("text behind the JSON object")
	}
	return all, nil
}

// addAmount adds an amount, which may end in its last good day: 500@2024-12-31.
func addAmount(all []rating.OpeningBalance, name, amount string) ([]rating.OpeningBalance, error) {
	amount, day, expires := strings.Cut(amount, "@")
	last := calendar.None
	if expires {
		var err error
		if last, err = calendar.Parse(day); err != nil {
			return nil, fmt.Errorf("%s=%s@%q: want the last good day as YYYY-MM-DD", name, amount, day)
		}
	}
	if name == "" || len(amount) > 40 || !plainDecimal.MatchString(amount) {
		return nil, fmt.Errorf("%s=%q: want a name and a plain decimal", name, amount)
	}
	value, err := decimal.NewFromString(amount)
	return append(all, rating.OpeningBalance{Name: name, Amount: value, LastDay: last}), err
}

// truth reads true or false, in either case; nothing is false.
func truth(cell string) (value, ok bool) {
	i := slices.Index([]string{"", "false", "true"}, strings.ToLower(cell))
	return i == 2, i >= 0
}
