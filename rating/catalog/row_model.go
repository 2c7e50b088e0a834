package catalog

import (
	"slices"
	"strconv"
	"strings"

	"ratemill/rating/pricing"
)

// AnyRow is the text of a price row that names no column.
const AnyRow = "any"

// Text names a price row by its values, in the order of the table's columns:
// "outbound US" with columns behind it that fit any value, "* US" with one
// before it. No two rows of a table have the same text, so that it also says
// which row usage is counted for.
func (r *PriceRow) Text() string {
	last := len(r.Match)
	for last > 0 && r.Match[last-1] == "*" {
		last--
	}
	if last == 0 {
		return AnyRow
	}
	named := make([]string, last)
	for i, value := range r.Match[:last] {
		if named[i] = value; value == AnyRow || strings.ContainsAny(value, " =\"") {
			named[i] = strconv.Quote(value)
		}
	}
	return strings.Join(named, " ")
}

// Point is the price of usage that a row of the charge's table wins, or, where
// row is nil, of usage that asks no table.
func (u *UsageCharge) Point(row *PriceRow) *PricePoint {
	at := len(u.points) - 1
	if row != nil {
		at = row.at
	}
	if 0 <= at && at < len(u.points) {
		return &u.points[at]
	}
	p := u.pointOf(row)
	return &p
}

// pointsOf are the points of all rows of the charge's table, and the one
// without, made once a catalog and not once a group of usage.
func (u *UsageCharge) pointsOf(table *PriceTable) []PricePoint {
	var points []PricePoint
	if table != nil {
		for i := range table.Rows {
			points = append(points, u.pointOf(&table.Rows[i]))
		}
	}
	return append(points, u.pointOf(nil))
}

func (u *UsageCharge) pointOf(row *PriceRow) PricePoint {
	if row == nil {
		return PricePoint{Rule: u.Rule, Description: u.Description, UnitPrice: u.Price, CatalogLine: u.Line}
	}
	return PricePoint{Rule: u.Rule, Description: u.Description + " " + row.Text(), UnitPrice: row.Price, CatalogLine: row.Line}
}

// Row is the price row of a Text, or nil.
func (t *PriceTable) Row(text string) *PriceRow {
	i, there := t.byText[text]
	if !there {
		return nil
	}
	return &t.Rows[i]
}

// modeled tells whether a row of the table has a pricing model, so that its
// usage is counted.
func (t *PriceTable) modeled() bool {
	return slices.ContainsFunc(t.Rows, func(r PriceRow) bool { return r.Model != nil })
}

// byText are the rows of a table by their Text.
func byText(rows []PriceRow) map[string]int {
	by := make(map[string]int, len(rows))
	for i := range rows {
		by[rows[i].Text()] = i
	}
	return by
}

// rowPrice reads what a price row costs: one price a unit, or a model.
func (p *problems) rowPrice(f *fields, row *PriceRow, table string) {
	switch key, value := f.oneOf(pricing.Names()...); key {
	case "":
	case "each":
		row.Price = p.money(value, key)
	default:
		row.Model = p.model(key, value, key+" of price table "+strconv.Quote(table))
		if unpriced(row.Model) {
			row.Price = noPrice
		}
	}
}

// rowModels checks what the models of a table's rows ask of the charge and of
// its meter. Such a charge counts its usage, whatever else it says.
func (c *checker) rowModels(u *chargeDraft, t *tableDraft, m *Meter) {
	if !t.modeled() {
		return
	}
	if u.counting == nil {
		u.counting = &countingDraft{Counting: &Counting{Charged: Daily, Over: OverDay}, price: u.table}
		u.Counting = u.counting.Counting
	}
	for i := range t.Rows {
		if pricing.NeedsEvents(t.Rows[i].Model) && !m.OneByOne {
			c.add(u.table.place, "the row in line %d of price table %q looks at each event (free_events, min, max, or free_amount beside fixed): meter %q needs %q",
				t.Rows[i].Line, t.Name, m.Name, "events: one_by_one")
			return
		}
	}
}

// tieredTable tells whether a row of a charge's table has a line for each of
// its tiers.
func (c *checker) tieredTable(u *chargeDraft) bool {
	i := slices.IndexFunc(c.version.tables, func(t tableDraft) bool { return u.table != nil && t.Name == u.Table })
	return i >= 0 && slices.ContainsFunc(c.version.tables[i].Rows, func(r PriceRow) bool { return tiered(r.Model) })
}

// printPrice is what a price row costs, as the language writes it.
func (r *PriceRow) printPrice() string {
	if r.Model != nil {
		return modelName(r.Model) + ": " + modelText(r.Model)
	}
	return "each: " + amountText(r.Price)
}
