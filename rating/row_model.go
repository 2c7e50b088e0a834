package rating

import (
	"slices"
	"strconv"
	"strings"

	"ratemill/rating/catalog"
	"ratemill/rating/pricing"
)

// modelOf is the pricing model of what a tally counts: that of its charge, of
// its row of the charge's price table, or one price for each unit.
func (b *billing) modelOf(t *Tally, charge *catalog.UsageCharge) pricing.Model {
	if charge.Counting.Model != nil {
		return charge.Counting.Model
	}
	if row := b.rowOf(t, charge); row != nil && row.Model != nil {
		return row.Model
	}
	return &pricing.Each{Each: t.UnitPrice}
}

// rowOf is the price row that a tally counts for, or nil where it counts for
// none.
func (b *billing) rowOf(t *Tally, charge *catalog.UsageCharge) *catalog.PriceRow {
	if charge.Table == "" {
		return nil
	}
	return b.cat.At(t.Version).Table(charge.Table).Row(rowPart(t.Per))
}

// rowLost tells whether the row that a tally counts for is no longer in the
// table: the catalog was changed since.
func (b *billing) rowLost(t *Tally, charge *catalog.UsageCharge) bool {
	return charge.Table != "" && rowPart(t.Per) != "" && b.rowOf(t, charge) == nil
}

// rowPart takes the values that are counted by themselves off a tally's Per:
// what stays is the Text of its price row.
func rowPart(per string) string {
	end := 0
	for at := 0; at < len(per); {
		word := len(per)
		if space := strings.IndexByte(per[at:], ' '); space >= 0 {
			word = at + space
		}
		if per[at] == '"' {
			quoted, _ := strconv.QuotedPrefix(per[at:])
			word = at + len(quoted)
		} else if strings.ContainsRune(per[at:word], '=') {
			break
		}
		end, at = word, word+1
	}
	return per[:end]
}

// openRows makes tallies of a period that ended for the rows of a charge's
// table whose usage there was none of, and where none costs something.
func (b *billing) openRows(charge *catalog.UsageCharge, version *catalog.Version, from, last Day) {
	if charge.Table == "" || charge.Counting.Charged != catalog.PeriodEnd || len(charge.Counting.Per) > 0 {
		return
	}
	table := version.Table(charge.Table)
	for i := range table.Rows {
		row := &table.Rows[i]
		if row.Model == nil || !catalog.Priced(row.Price) || row.Model.Price(pricing.Usage{}).Amount.Sign() == 0 {
			continue
		}
		per := row.Text()
		if !slices.ContainsFunc(b.account.Tallies, func(t Tally) bool { return t.Meter == charge.Meter && t.From == from && t.Per == per }) {
			b.tallyAt(last, charge, version.From, per, row.Price).Ended = false
		}
	}
}
