package pipeline

import (
	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/readers"
	"ratemill/writers"
)

// accountsName is the source of who pays for accounts.
const accountsName = "accounts"

// accountsSource is the source of who pays for accounts. Its rows are as of a
// day, and the latest one of an account counts, however old it is.
func accountsSource() source {
	s := levelSource(accountsName)
	s.role = customerRows
	for _, name := range []string{
		"name", "address_line_1", "address_line_2", "postal_code", "city", "region", "country", "tax_id", "tax_exempt", "language", "test",
	} {
		s.schema.Fields = append(s.schema.Fields, readers.Field{Name: name, Kind: readers.Text, Optional: true})
	}
	return s
}

// customerFault tells whether a row says neither true nor false where it
// should.
func customerFault(s *source, b *readers.Batch, row int) fault {
	if s.role != customerRows {
		return fault{}
	}
	for _, name := range []string{"tax_exempt", "test"} {
		if _, ok := truth(textAt(&b.Columns[s.schema.Field(name)], row)); !ok {
			return fault{notTrueOrFalse, name}
		}
	}
	return fault{}
}

// isPrivate tells whether a cell may hold what is nobody's business but the
// customer's: it is not repeated where something is wrong with it.
func (s *source) isPrivate(f *readers.Field) bool { return s.role == customerRows || f.JSON }

func customerRow(s *source, e *event, o rating.Origin) rating.CustomerRow {
	c := rating.Customer{
		AsOf: e.day, Name: e.cell(s, "name"), AddressLine1: e.cell(s, "address_line_1"), AddressLine2: e.cell(s, "address_line_2"),
		PostalCode: e.cell(s, "postal_code"), City: e.cell(s, "city"), Region: e.cell(s, "region"), Country: e.cell(s, "country"),
		TaxID: e.cell(s, "tax_id"), Language: e.cell(s, "language"),
	}
	c.TaxExempt, _ = truth(e.cell(s, "tax_exempt")) // checked by map
	c.Test, _ = truth(e.cell(s, "test"))
	return rating.CustomerRow{Origin: o, Customer: c}
}

// stateCustomer is a customer as the state table keeps it: a list of one, or
// of none.
func stateCustomer(c *rating.Customer) []writers.StateCustomer {
	if c.AsOf == calendar.None {
		return nil
	}
	return []writers.StateCustomer{{
		AsOf: int32(c.AsOf), Name: c.Name, AddressLine1: c.AddressLine1, AddressLine2: c.AddressLine2, PostalCode: c.PostalCode, City: c.City,
		Region: c.Region, Country: c.Country, TaxID: c.TaxID, TaxExempt: c.TaxExempt, Language: c.Language, Test: c.Test,
	}}
}

// customerOf reads a customer back from the state table.
func customerOf(list []writers.StateCustomer) rating.Customer {
	if len(list) == 0 {
		return rating.Customer{}
	}
	s := &list[0]
	return rating.Customer{
		AsOf: calendar.Day(s.AsOf), Name: s.Name, AddressLine1: s.AddressLine1, AddressLine2: s.AddressLine2, PostalCode: s.PostalCode, City: s.City,
		Region: s.Region, Country: s.Country, TaxID: s.TaxID, TaxExempt: s.TaxExempt, Language: s.Language, Test: s.Test,
	}
}

// addressTo writes on an invoice who pays, as known on its day.
func addressTo(inv *writers.Invoice, c *rating.Customer) {
	inv.CustomerName, inv.AddressLine1, inv.AddressLine2 = c.Name, c.AddressLine1, c.AddressLine2
	inv.PostalCode, inv.City, inv.Region, inv.Country = c.PostalCode, c.City, c.Region, c.Country
	inv.TaxID, inv.Language, inv.Test = c.TaxID, c.Language, c.Test
}
