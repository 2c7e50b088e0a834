package pipeline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ratemill/rating/catalog"
	"ratemill/rating/nearest"
	"ratemill/readers"
	"ratemill/writers"
)

// role is how rating sees a source's rows.
type role uint8

const (
	usageRows    role = iota // summed up, or counted one by one
	levelRows                // readings such as contact counts
	seatRows                 // users that come and go
	accountRows              // what happens to the account itself
	paymentRows              // what became of charges
	customerRows             // who pays for the account
	openingRows              // accounts of the opening book
)

// source is a kind of export: its columns, what they are for, and where its
// exports lie.
type source struct {
	name    string
	role    role
	schema  readers.Schema
	exports []layout

	id, account, at int    // field indexes; levels have no id and a date for at
	quantity        int    // usage: the quantity column
	dimensions      []int  // usage: the dimension columns
	mayLack         []int  // columns whose cell may be empty in a row: prices have default rows for them
	key, action     string // usage whose rows are of a key: its column, and that of what happened to it; empty: none

	meter  *catalog.Meter   // usage and seats: the meter that counts the rows; nil: none does
	levels []*catalog.Meter // levels: the meters that read it
}

// usageSource is a source of rows that are summed up.
func usageSource(name, quantity string, dimensions ...string) source {
	s := source{name: name, role: usageRows, id: 0, account: 1, at: 2, quantity: 3}
	s.schema = readers.Schema{Source: name, Fields: []readers.Field{
		{Name: "event_id", Kind: readers.EventID}, {Name: "account_id", Kind: readers.Text},
		{Name: "occurred_at", Kind: readers.Instant}, {Name: quantity, Kind: readers.Integer},
	}}
	for _, d := range dimensions {
		s.addDimension(d)
	}
	return s
}

// keyedSource is a source of rows that are of a key, such as a user, and have
// no quantity. They travel whole: there may be more keys than combinations.
func keyedSource(name, key, action string) source {
	fields := []readers.Field{{Name: key, Kind: readers.Text}}
	if action != "" {
		fields = append(fields, readers.Field{Name: action, Kind: readers.Text})
	}
	s := eventSource(name, usageRows, fields...)
	s.key, s.action = key, action
	return s
}

// keyed tells whether the source's rows are of a key.
func (s *source) keyed() bool { return s.key != "" }

// hasRecords tells whether the source's rows travel as records, not whole.
func (s *source) hasRecords() bool { return s.role == usageRows && !s.keyed() }

// signed tells whether the source's quantities may be below zero: changes of a
// level go both ways.
func (s *source) signed() bool {
	return s.meter != nil && (s.meter.Of == catalog.WeightedOf || s.meter.Corrected)
}

func (s *source) addDimension(name string) {
	s.dimensions = append(s.dimensions, len(s.schema.Fields))
	s.schema.Fields = append(s.schema.Fields, readers.Field{Name: name, Kind: readers.Text})
}

// eventSource is a source of rows that rating takes one by one.
func eventSource(name string, r role, fields ...readers.Field) source {
	s := source{name: name, role: r, id: 0, account: 1, at: 2, quantity: -1}
	s.schema = readers.Schema{Source: name, Fields: append([]readers.Field{
		{Name: "event_id", Kind: readers.EventID, Texts: true}, {Name: "account_id", Kind: readers.Text}, {Name: "occurred_at", Kind: readers.Instant},
	}, fields...)}
	return s
}

// levelSource is a source of readings, one an account and day.
func levelSource(name string, levels ...readers.Field) source {
	s := source{name: name, role: levelRows, id: -1, account: 0, at: 1, quantity: -1}
	s.schema = readers.Schema{Source: name, Fields: append([]readers.Field{
		{Name: "account_id", Kind: readers.Text}, {Name: "as_of", Kind: readers.Date},
	}, levels...)}
	return s
}

func seatSource(name string) source {
	return eventSource(name, seatRows, readers.Field{Name: "user_id", Kind: readers.Text}, readers.Field{Name: "action", Kind: readers.Text})
}

// canonicalSources are the sources that every company has, with the columns
// of DESIGN's inputs.
func canonicalSources() []source {
	optional := func(name string, kind readers.Kind) readers.Field {
		return readers.Field{Name: name, Kind: kind, Optional: true}
	}
	sms := usageSource("sms", "segments", "direction", "carrier", "country")
	sms.mayLack = []int{sms.schema.Field("carrier"), sms.schema.Field("country")}
	all := []source{
		eventSource("account_events", accountRows,
			readers.Field{Name: "type", Kind: readers.Text}, optional("plan", readers.Text), optional("term", readers.Text),
			optional("method", readers.Text), optional("currency", readers.Text), optional("quantity", readers.Integer),
			optional("service", readers.Text), optional("date", readers.Date), optional("offer", readers.Text),
			optional("channel", readers.Text), optional("approved", readers.Text)),
		accountsSource(),
		levelSource("contacts", readers.Field{Name: "contacts", Kind: readers.Integer}, optional("custom_object_records", readers.Integer)),
		usageSource("emails", "recipients"),
		openingSource(),
		eventSource(paymentsSource, paymentRows, readers.Field{Name: "charge_id", Kind: readers.Text}, readers.Field{Name: "status", Kind: readers.Text},
			optional("reference", readers.Text), optional("reason", readers.Text)),
		usageSource("postcards", "quantity"),
		seatSource("seats"),
		sms,
	}
	for i := range all {
		all[i].exports = []layout{usualLayout(all[i].name)}
	}
	return all
}

// meterError is a meter that asks for what its source does not have.
type meterError struct{ word, what string } // the word of the catalog that it is about

func (e *meterError) Error() string { return e.what }

// notThere is one meterError.
func notThere(word, format string, args ...any) []*meterError {
	return []*meterError{{word, fmt.Sprintf(format, args...)}}
}

// MeterCheck is what catalog.Parse needs to prove that the sources have what a
// catalog's meters count. The error is a *SourceError.
func MeterCheck(settings []SourceSettings, lookups []LookupSettings) (catalog.MeterCheck, error) {
	sources, err := sourcesOf(settings, lookups)
	if err != nil {
		return nil, err
	}
	return func(m *catalog.Meter) (wrong []catalog.MeterFault) {
		for _, one := range bindMeter(sources, m) {
			wrong = append(wrong, catalog.MeterFault{Word: one.word, What: one.what})
		}
		return wrong
	}, nil
}

// bindSources joins the sources with the catalog's meters.
func bindSources(cat *catalog.Catalog, settings []SourceSettings, lookups []LookupSettings) ([]source, error) {
	sources, err := sourcesOf(settings, lookups)
	if err != nil {
		return nil, err
	}
	for i := range cat.Meters {
		if wrong := bindMeter(sources, &cat.Meters[i]); wrong != nil {
			return nil, fmt.Errorf("meter %q: %w", cat.Meters[i].Name, wrong[0])
		}
	}
	return sources, nil
}

// bindMeter has the source count a meter that names it, or tells why it cannot.
func bindMeter(sources []source, m *catalog.Meter) []*meterError {
	at := slices.IndexFunc(sources, func(s source) bool { return s.name == m.Source })
	if at < 0 {
		names := sourceNames(sources)
		return notThere(m.Source, "there is no source %q%s; there are %s; a source of your own is declared in ratemill.yaml under sources",
			m.Source, nearest.DidYouMean(m.Source, names), strings.Join(names, ", "))
	}
	return sources[at].bind(m)
}

func sourceNames(sources []source) []string {
	var names []string
	for i := range sources {
		names = append(names, sources[i].name)
	}
	return names
}

func (s *source) bind(m *catalog.Meter) (wrong []*meterError) {
	want := map[catalog.MeterKind]role{catalog.Sum: usageRows, catalog.Latest: levelRows, catalog.HighWater: seatRows}[m.Kind]
	if want != s.role {
		return notThere(m.Source, "source %q cannot be counted by %q: %s", s.name, m.Kind, countedAs[s.role])
	}
	for _, column := range slices.Concat(m.Columns, m.By) {
		if s.schema.Field(column) < 0 {
			columns := s.countable()
			wrong = append(wrong, notThere(column, "source %q has no column %q%s; its columns are %s%s", s.name, column, nearest.DidYouMean(column, columns), strings.Join(columns, ", "), s.keyHint(m, column))...)
		}
	}
	if wrong != nil {
		return wrong
	}
	if m.Kind == catalog.Latest {
		s.levels = append(s.levels, m)
		return nil
	}
	if s.meter != nil {
		return notThere(m.Source, "source %q is counted by meter %q already", s.name, s.meter.Name)
	}
	if m.Kind == catalog.Sum {
		if wrong := s.countedBy(m); wrong != nil {
			return wrong
		}
	}
	s.meter = m
	return nil
}

// countedAs says what a source's rows can be counted as.
var countedAs = map[role]string{
	usageRows:    "it has usage",
	levelRows:    `it has levels, which a "latest" meter reads`,
	seatRows:     `it has users, whom a "high_water" meter counts`,
	accountRows:  "it has events of accounts, which no meter counts",
	paymentRows:  "it has results of payments, which no meter counts",
	customerRows: "it has the addresses of accounts, which no meter counts",
	openingRows:  "it has the accounts of the opening book, which no meter counts",
}

// countable are the columns of the source that a meter may name.
func (s *source) countable() []string {
	var all []string
	for i, f := range s.schema.Fields {
		if i != s.id && i != s.account && i != s.at {
			all = append(all, f.Name)
		}
	}
	return all
}

// countedBy tells why a usage source lacks the column that a meter counts.
func (s *source) countedBy(m *catalog.Meter) []*meterError {
	column := s.schema.Field(m.Columns[0])
	dimension := slices.Contains(s.dimensions, column)
	switch {
	case m.Of == catalog.UniqueOf && (m.Key() == s.key || dimension):
		return nil
	case m.Of == catalog.ActiveOf && m.Key() == s.key:
		if m.Action != "" && m.Action != s.action {
			return notThere(m.Action, "source %q has no action column %q%s", s.name, m.Action, s.keyHint(m, m.Action))
		}
		return nil
	case m.Of == catalog.UniqueOf, m.Of == catalog.ActiveOf:
		return notThere(m.Key(), "column %q of source %q is not its key%s", m.Key(), s.name, s.keyHint(m, m.Key()))
	case m.Of == catalog.CountOf && m.Columns[0] == s.key:
		return nil
	case s.keyed():
		return notThere(m.Columns[0], "source %q has the key %q and no quantity: it can be counted by unique, active and count, not by %s", s.name, s.key, m.Of)
	case column != s.quantity:
		return notThere(m.Columns[0], "%q is not the quantity of source %q, which is %q", m.Columns[0], s.name, s.schema.Fields[s.quantity].Name)
	}
	return nil
}

// keyHint is what to do where a meter of keys has no such column.
func (s *source) keyHint(m *catalog.Meter, column string) string {
	switch {
	case m.Key() == "" || slices.Contains(m.By, column):
		return ""
	case column == m.Action && s.keyed():
		return fmt.Sprintf("; say action: %s in ratemill.yaml", column)
	}
	return fmt.Sprintf("; in ratemill.yaml a source of kind usage says its key: %s", column)
}

// oneByOne tells whether the source's rows are rated one by one, in the order
// of their time, and are not summed up.
func (s *source) oneByOne() bool { return s.meter != nil && s.meter.OneByOne }

// DimensionNames are the dimension columns that the catalog's meters price
// by, sorted: the dimension columns of rated_usage.
func DimensionNames(cat *catalog.Catalog) []string {
	var all []string
	for i := range cat.Meters {
		for _, by := range cat.Meters[i].By {
			all = append(all, writers.DimensionColumn(by))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// registers tells whether the ids of the source's rows are kept for the window.
// A row of a customer is known by what the account has of it already.
func (s *source) registers() bool { return s.role != customerRows }

// decimals is how many decimals the source's quantities keep.
func (s *source) decimals() int { return s.schema.Fields[s.quantity].Scale }

// compareSources is the order of a company's own sources.
func compareSources(a, b source) int { return cmp.Compare(a.name, b.name) }
