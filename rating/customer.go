package rating

import "ratemill/rating/calendar"

// Customer is who pays for an account, as the latest row of the accounts
// source says: what invoices show, and taxes ask for.
type Customer struct {
	AsOf Day // None: there was no row yet

	Name                       string
	AddressLine1, AddressLine2 string
	PostalCode, City           string
	Region                     string // state or province, within the country
	Country                    string
	TaxID                      string
	TaxExempt                  bool
	Language                   string
	Test                       bool // billed for show: nothing is ever collected
}

// CustomerRow is a row of the accounts source.
type CustomerRow struct {
	Origin
	Customer
}

// customers takes over what is newer than what is known. Whether the account
// is open does not matter: late usage and refunds make documents after its
// end.
func (b *billing) customers(rows []CustomerRow) {
	a := b.account
	for i := range rows {
		r := &rows[i]
		switch {
		case !a.Exists():
			b.reject(r.Origin, UnknownAccount, "")
		case r.Customer == a.Customer:
			b.leaveOut(r.Origin, NoChange)
		case a.Customer.AsOf != calendar.None && r.AsOf <= a.Customer.AsOf:
			b.leaveOut(r.Origin, Superseded)
		default:
			a.Customer = r.Customer
		}
	}
}
