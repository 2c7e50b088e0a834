package rating

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
