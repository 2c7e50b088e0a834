package rating_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
)

// A scenario is a policy case as understood: a catalog, rows by account, and
// the days to show. Its commands, dates as YYYY-MM-DD:
//
//	catalog NAME                      fixtures/catalogs/NAME.yaml; else the heading's
//	with OLD => NEW                   the same with a setting changed: OLD stands in it exactly once; \n begins a line
//	version DATE                      a further version from DATE, a copy of the last; "with" lines
//	                                  after it change the copy
//	account ID plan=P since=DATE …    signed up on the day, method card, approved; see signed_up
//	                                  and where the customer is: country= region= tax_id= tax_exempt=true
//	signed_up ID DATE plan=P [term= method= currency= trial=DATE offer= channel= approved=true]
//	cancelled ID DATE                 likewise any other type of account event, with the columns it
//	                                  needs: plan= term= method= service= quantity= offer= date= approved=true
//	opening ID DATE plan=P since=DATE next=DATE [term= method= first_purchase=DATE users=U;V contacts=N
//	        balances=NAME=AMOUNT[@LAST DAY];… offers=O;… flags=F;…]
//	                                  of the book of a company in business; DATE is the first night
//	customer ID DATE [name= address= country= region= tax_id= tax_exempt=true test=true]
//	                                  who pays, as of the day
//	payment ID DATE succeeded|failed of=DATE [attempt=N reason=R]
//	                                  the result of an attempt, else the first, to collect the invoice of a day
//	sms ID DATE DIRECTION CARRIER COUNTRY SEGMENTS [unit_price=PRICE]   "-" is an absent value
//	emails ID DATE RECIPIENTS
//	contacts ID DATE CONTACTS [custom_object_records=N]
//	postcards ID DATE QUANTITY
//	calls ID DATE QUANTITY [country=C]   likewise the other sources of the catalog models
//	logins ID DATE KEY
//	members ID DATE KEY add|remove
//	seat ID DATE activated|deactivated USER…
//	bill DATE, bill FROM..TO          shows what these days put out
//
// at=HH:MM:SS on a row is its time of the catalog's zone, where that matters.
// arrives=DATE on a row is the night that reads it, where that is not its own
// day's. Rows of one day happened in the order in which they are written.
// Every account is billed from its first row to the last day shown.
type scenario struct {
	cat       *catalog.Catalog
	rows      []scenarioRow
	shown     []span
	customers map[rating.AccountID]rating.Customer
}

// scenarioRow is a row of an export.
type scenarioRow struct {
	source  string
	account rating.AccountID
	day     calendar.Day // on which it happened
	at      int64        // and when, in microseconds since 1970; 0: the case does not say
	arrives calendar.Day
	columns map[string]string
	text    string // as written in the case, to name it in the output
}

type span struct{ from, to calendar.Day }

// positional are the columns that a row's words fill, in this order.
var positional = map[string][]string{
	"sms":       {"direction", "carrier", "country", "segments"},
	"emails":    {"recipients"},
	"contacts":  {"contacts"},
	"postcards": {"quantity"},
	"opening":   {},
	"customer":  {},

	"calls": {"quantity"}, "messages": {"quantity"}, "seats_used": {"quantity"}, "storage": {"quantity"},
	"sales": {"quantity"}, "payouts": {"quantity"}, "minutes": {"quantity"},
	"requests": {"quantity"}, "peak": {"quantity"}, "devices": {"quantity"}, "disk": {"quantity"},
	"logins": {"key"}, "members": {"key", "action"},
	"gpu":     {"region", "card", "seconds"},
	"payment": {"status"},
	"seat":    {"action"},
}

var accountEventTypes = strings.Fields(`signed_up plan_changed term_changed cancelled uninstalled suspended resumed
	nonprofit_granted nonprofit_revoked payment_method_changed billing_date_changed refund_requested credits_purchased
	package_subscribed package_unsubscribed service_used discount_granted discount_revoked`)

// runCase is what a case's shown days put out.
func runCase(defaults, commands []command) (string, error) {
	s, err := readScenario(defaults, commands)
	if err != nil {
		return "", err
	}
	return s.run()
}

func readScenario(defaults, commands []command) (*scenario, error) {
	catalogOf, rest := splitCatalog(commands)
	if len(catalogOf) == 0 || catalogOf[0].words[0] != "catalog" {
		byDefault, _ := splitCatalog(defaults)
		catalogOf = append(slices.Clone(byDefault), catalogOf...)
	}
	s := &scenario{}
	var err error
	if s.cat, err = readCatalog(catalogOf); err != nil {
		return nil, err
	}
	for _, c := range rest {
		if err := s.command(c); err != nil {
			return nil, fmt.Errorf("%d: %s: %w", c.line, c.text, err)
		}
	}
	if len(s.shown) == 0 {
		return nil, fmt.Errorf("%d: nothing is billed", commands[0].line)
	}
	for _, r := range s.rows {
		if r.arrives > s.shown[len(s.shown)-1].to {
			return nil, fmt.Errorf("%d: %q comes after the last day billed", commands[0].line, r.text)
		}
	}
	return s, nil
}

// splitCatalog takes the lines that make the catalog off the others.
func splitCatalog(commands []command) (catalogOf, rest []command) {
	for _, c := range commands {
		switch c.words[0] {
		case "catalog", "with", "version":
			catalogOf = append(catalogOf, c)
		default:
			rest = append(rest, c)
		}
	}
	return catalogOf, rest
}

// readCatalog makes a fixture catalog, changed as the lines say.
func readCatalog(lines []command) (*catalog.Catalog, error) {
	if len(lines) == 0 || lines[0].words[0] != "catalog" || len(lines[0].words) != 2 {
		return nil, fmt.Errorf("a case begins with: catalog NAME")
	}
	name := lines[0].words[1] + ".yaml"
	bytes, err := os.ReadFile(filepath.Join("..", "fixtures", "catalogs", name))
	if err != nil {
		return nil, err
	}
	before, last := "", string(bytes) // the text before the version to be changed next
	for _, line := range lines[1:] {
		switch line.words[0] {
		case "with":
			from, to, _ := strings.Cut(strings.ReplaceAll(strings.TrimPrefix(line.text, "with "), `\n`, "\n"), " => ")
			if n := strings.Count(last, from); n != 1 {
				return nil, fmt.Errorf("%d: %q stands in the catalog %d times", line.line, from, n)
			}
			last = strings.Replace(last, from, to, 1)
		case "version":
			at := strings.Index(last, "- from: ")
			before += last
			last = "- from: " + line.words[1] + last[at+len("- from: 2018-01-01"):]
		}
	}
	return parsedOnce(name, before+last)
}

var parsed sync.Map // catalog text → *catalog.Catalog: many cases use few catalogs

func parsedOnce(name, text string) (*catalog.Catalog, error) {
	if cat, found := parsed.Load(text); found {
		return cat.(*catalog.Catalog), nil
	}
	cat, err := catalog.Parse(name, []byte(text))
	if err == nil {
		parsed.Store(text, cat)
	}
	return cat, err
}

func (s *scenario) command(c command) error {
	name, words := c.words[0], c.words[1:]
	if name == "bill" {
		return s.bill(words)
	}
	columns, words, err := splitColumns(words)
	if err != nil {
		return err
	}
	if name == "account" {
		since := columns["since"]
		delete(columns, "since")
		s.customer(rating.AccountID(words[0]), columns)
		if columns["method"] == "" {
			columns["method"] = "card"
		}
		if columns["approved"] == "" {
			columns["approved"] = "true"
		}
		name, words = "signed_up", append(words, since)
	}
	if len(words) < 2 {
		return fmt.Errorf("want an account and a date")
	}
	row := scenarioRow{account: rating.AccountID(words[0]), columns: columns, source: name, text: c.text}
	if row.day, err = calendar.Parse(words[1]); err != nil {
		return err
	}
	if row.arrives, err = takeDate(columns, "arrives", row.day); err != nil {
		return err
	}
	if row.at, err = s.takeTime(columns, row.day); err != nil {
		return err
	}
	return s.row(row, words[2:])
}

// customer takes the columns of an account that say who pays for it.
func (s *scenario) customer(id rating.AccountID, columns map[string]string) {
	if s.customers == nil {
		s.customers = map[rating.AccountID]rating.Customer{}
	}
	s.customers[id] = rating.Customer{Country: columns["country"], Region: columns["region"], TaxID: columns["tax_id"], TaxExempt: columns["tax_exempt"] == "true"}
	for _, name := range []string{"country", "region", "tax_id", "tax_exempt"} {
		delete(columns, name)
	}
}

// row fills a row's columns by the order of its words.
func (s *scenario) row(row scenarioRow, words []string) error {
	if slices.Contains(accountEventTypes, row.source) {
		row.columns["type"], row.source = row.source, "account_events"
	} else if _, known := positional[row.source]; !known {
		return fmt.Errorf("no such command")
	}
	names := positional[row.source]
	if row.source == "seat" && len(words) > 1 { // a row for each of the users
		for _, user := range words[1:] {
			one := row
			one.columns = map[string]string{"action": words[0], "user_id": user}
			one.text = fmt.Sprintf("seat %s %s %s %s", row.account, row.day, words[0], user)
			s.rows = append(s.rows, one)
		}
		return nil
	}
	if len(words) != len(names) {
		return fmt.Errorf("want %d words after the date: %s", len(names), strings.Join(names, " "))
	}
	for i, name := range names {
		if words[i] != "-" {
			row.columns[name] = words[i]
		}
	}
	s.rows = append(s.rows, row)
	return nil
}

func (s *scenario) bill(words []string) error {
	first, last, ranged := strings.Cut(strings.Join(words, " "), "..")
	if !ranged {
		last = first
	}
	from, err := calendar.Parse(first)
	if err != nil {
		return err
	}
	to, err := calendar.Parse(last)
	if err != nil {
		return err
	}
	if n := len(s.shown); to < from || n > 0 && from <= s.shown[n-1].to {
		return fmt.Errorf("days are billed in order")
	}
	s.shown = append(s.shown, span{from, to})
	return nil
}

// settings are the columns that a row names.
var settings = strings.Fields(`plan since term method currency trial arrives custom_object_records unit_price country
	service quantity offer channel date approved of attempt reason
	next first_purchase users contacts balances offers flags name address region tax_id tax_exempt test at key action`)

// splitColumns takes name=value off the other words.
func splitColumns(words []string) (columns map[string]string, rest []string, err error) {
	columns = map[string]string{}
	for _, w := range words {
		name, value, named := strings.Cut(w, "=")
		switch {
		case !named:
			rest = append(rest, w)
		case !slices.Contains(settings, name):
			return nil, nil, fmt.Errorf("no setting is called %q", name)
		default:
			columns[name] = value
		}
	}
	return columns, rest, nil
}

func takeDate(columns map[string]string, name string, absent calendar.Day) (calendar.Day, error) {
	text, found := columns[name]
	delete(columns, name)
	if !found {
		return absent, nil
	}
	return calendar.Parse(text)
}

// takeTime is the instant of a time of a day, 0 where there is none.
func (s *scenario) takeTime(columns map[string]string, day calendar.Day) (int64, error) {
	text, found := columns["at"]
	delete(columns, "at")
	if !found {
		return 0, nil
	}
	t, err := time.ParseInLocation(time.DateOnly+" "+time.TimeOnly, day.String()+" "+text, s.cat.Zone.Location())
	return t.UnixMicro(), err
}

// run bills every account from its first row to the last day shown.
func (s *scenario) run() (string, error) {
	byAccount := map[rating.AccountID][]int{}
	for i, r := range s.rows {
		byAccount[r.account] = append(byAccount[r.account], i)
	}
	ids := make([]rating.AccountID, 0, len(byAccount))
	for id := range byAccount {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	texts := map[calendar.Day]string{}
	for _, id := range ids {
		if err := s.runAccount(id, byAccount[id], texts); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	for _, days := range s.shown {
		out.WriteString(textOf(days, texts))
	}
	return out.String(), nil
}

// textOf is what a span of days put out, or a line that says nothing did.
func textOf(days span, texts map[calendar.Day]string) string {
	text := ""
	for d := days.from; d <= days.to; d++ {
		text += texts[d]
	}
	switch {
	case text != "":
		return text
	case days.from == days.to:
		return fmt.Sprintf("%s nothing\n", days.from)
	}
	return fmt.Sprintf("%s..%s nothing\n", days.from, days.to)
}

func (s *scenario) runAccount(id rating.AccountID, rows []int, texts map[calendar.Day]string) error {
	first := s.rows[rows[0]].arrives
	arriving := map[calendar.Day][]int{}
	for _, i := range rows {
		first = min(first, s.rows[i].arrives)
		arriving[s.rows[i].arrives] = append(arriving[s.rows[i].arrives], i)
	}
	account := rating.Account{ID: id, Customer: s.customers[id]}
	for day := first; day <= s.shown[len(s.shown)-1].to; day++ {
		rows, err := s.openFrom(&account, arriving[day], day, texts)
		if err != nil {
			return err
		}
		events, err := s.events(rows)
		if err != nil {
			return err
		}
		o, err := billChecked(s.cat, account, day, events)
		if err != nil {
			return err
		}
		if !s.shows(day) && len(o.Rejections) > 0 {
			return fmt.Errorf("day %s is not shown and rejects %q: %v", day, s.rows[o.Rejections[0].Ref].text, o.Rejections)
		}
		texts[day] += s.render(day, &o)
		account = o.Account
	}
	return nil
}

func (s *scenario) shows(day calendar.Day) bool {
	return slices.ContainsFunc(s.shown, func(d span) bool { return d.from <= day && day <= d.to })
}

// billers have billed other accounts before.
var billers = sync.Pool{New: func() any { return new(rating.Biller) }}

// billChecked bills a day and proves what must hold for every bill: Check
// finds nothing, every row ends in one place, the arguments are as they were,
// and billing again makes the same outcome, also in memory that is used again.
func billChecked(cat *catalog.Catalog, account rating.Account, day calendar.Day, events rating.Events) (rating.Outcome, error) {
	before := fmt.Sprintf("%+v %+v", account, events)
	o := rating.Bill(cat, account, day, events)
	if broken := rating.Check(cat, &account, &o); len(broken) > 0 {
		return o, fmt.Errorf("day %s of %s breaks its checks: %s", day, account.ID, strings.Join(broken, "; "))
	}
	if in, out := rowsIn(&events), rowsOut(&o); in != out {
		return o, fmt.Errorf("day %s of %s: %d rows came in, %d were rated, rejected or left out", day, account.ID, in, out)
	}
	for _, r := range o.Rated {
		if r.DueOn < day {
			return o, fmt.Errorf("day %s of %s: %s of %s falls due on %s, in the past", day, account.ID, r.Meter, r.ServiceDate, r.DueOn)
		}
	}
	biller := billers.Get().(*rating.Biller)
	defer billers.Put(biller)
	if again := biller.Bill(cat, &account, day, events); !reflect.DeepEqual(&o, again) {
		return o, fmt.Errorf("day %s of %s billed twice:\n%+v\n%+v", day, account.ID, o, again)
	}
	if after := fmt.Sprintf("%+v %+v", account, events); after != before {
		return o, fmt.Errorf("day %s of %s: Bill changed its arguments from\n%s\nto\n%s", day, account.ID, before, after)
	}
	return o, nil
}

// rowsIn counts the rows of all but account events, which change the account
// and are not rated.
func rowsIn(e *rating.Events) (rows int64) {
	for _, u := range e.Usage {
		rows += u.Rows
	}
	for _, r := range e.Readings {
		rows += r.Rows
	}
	for _, s := range e.Seats {
		rows += s.Rows
	}
	return rows
}

func rowsOut(o *rating.Outcome) (rows int64) {
	for _, r := range o.Rated {
		rows += r.Rows
	}
	for _, u := range o.Unbillable {
		if u.Source != "account_events" && u.Source != "customer" && u.Source != "payment" {
			rows += u.Rows
		}
	}
	for _, r := range o.Rejections {
		if r.Source != "account_events" && r.Source != "customer" && r.Source != "payment" {
			rows += r.Rows
		}
	}
	return rows
}

// events are the day's rows in the lists and orders in which the pipeline
// hands them to Bill.
func (s *scenario) events(rows []int) (rating.Events, error) {
	var e rating.Events
	for _, i := range rows {
		r := &s.rows[i]
		origin := rating.Origin{Source: r.source, File: "case", Row: int64(i) + 1, Rows: 1, Ref: i}
		switch r.source {
		case "account_events":
			a, err := accountEventOf(r, origin)
			if err != nil {
				return e, fmt.Errorf("%s: %w", r.text, err)
			}
			e.Account = append(e.Account, a)
		case "customer":
			e.Customers = append(e.Customers, customerOf(r, origin))
		case "payment":
			p, err := s.paymentOf(r, origin)
			if err != nil {
				return e, fmt.Errorf("%s: %w", r.text, err)
			}
			e.Payments = append(e.Payments, p)
		case "seat":
			e.Seats = append(e.Seats, rating.SeatEvent{Origin: origin, Day: r.day, At: r.at, User: r.columns["user_id"], Action: r.columns["action"]})
		default:
			if err := s.metered(&e, r, origin); err != nil {
				return e, fmt.Errorf("%s: %w", r.text, err)
			}
		}
	}
	slices.SortStableFunc(e.Account, func(a, b rating.AccountEvent) int { return cmp.Compare(a.Day, b.Day) })
	slices.SortStableFunc(e.Payments, func(a, b rating.PaymentEvent) int { return cmp.Compare(a.Day, b.Day) })
	slices.SortStableFunc(e.Seats, func(a, b rating.SeatEvent) int { return cmp.Compare(a.Day, b.Day) })
	slices.SortStableFunc(e.Readings, func(a, b rating.Reading) int {
		return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.AsOf, b.AsOf))
	})
	slices.SortStableFunc(e.Usage, compareUsage)
	return e, nil
}

func accountEventOf(r *scenarioRow, origin rating.Origin) (rating.AccountEvent, error) {
	c := r.columns
	a := rating.AccountEvent{
		Origin: origin, Day: r.day, At: r.at, Type: c["type"], Plan: c["plan"], Term: c["term"], Method: c["method"], Currency: c["currency"],
		Service: c["service"], Offer: c["offer"], Channel: c["channel"], Approved: c["approved"] == "true",
	}
	if a.Method == "none" {
		a.Method = ""
	}
	var err error
	for _, name := range []string{"trial", "date"} {
		if c[name] == "" {
			continue
		}
		if a.Date, err = calendar.Parse(c[name]); err != nil {
			return a, err
		}
	}
	if c["quantity"] != "" {
		a.Quantity, err = strconv.ParseInt(c["quantity"], 10, 64)
	}
	return a, err
}

// paymentOf names a charge by the day of its invoice.
func (s *scenario) paymentOf(r *scenarioRow, origin rating.Origin) (rating.PaymentEvent, error) {
	p := rating.PaymentEvent{Origin: origin, Day: r.day, Status: r.columns["status"], Reason: r.columns["reason"], Reference: "ref"}
	of, err := calendar.Parse(r.columns["of"])
	if err != nil {
		return p, err
	}
	attempt := 1
	if text := r.columns["attempt"]; text != "" {
		if attempt, err = strconv.Atoi(text); err != nil {
			return p, err
		}
	}
	p.ChargeID = rating.ChargeID(rating.DocumentID(s.cat.Name, r.account, of, "invoice"), attempt)
	return p, nil
}

func compareUsage(a, b rating.Usage) int {
	return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.ServiceDate, b.ServiceDate), slices.Compare(a.Dimensions, b.Dimensions),
		cmp.Compare(a.At, b.At), cmp.Compare(a.EventID, b.EventID))
}

// metered gives a row to the meters that count its source; without any it
// stays a group of no meter, to be left out by name.
func (s *scenario) metered(e *rating.Events, r *scenarioRow, origin rating.Origin) error {
	meters := s.cat.MetersOf(r.source)
	if len(meters) == 0 {
		e.Usage = append(e.Usage, rating.Usage{Origin: origin, ServiceDate: r.day})
	}
	for _, m := range meters {
		columns := m.Columns
		if m.Key() != "" {
			columns = nil
		}
		quantity, err := sumColumns(r, columns)
		if err != nil {
			return err
		}
		if m.Kind == catalog.Latest {
			e.Readings = append(e.Readings, rating.Reading{Origin: origin, Meter: m.Name, AsOf: r.day, Value: quantity.IntPart()})
			continue
		}
		u := rating.Usage{Origin: origin, Meter: m.Name, ServiceDate: r.day, Quantity: quantity}
		for _, by := range m.By {
			u.Dimensions = append(u.Dimensions, r.columns[by])
		}
		if m.Keeps() {
			u.Key, u.Action = r.columns[m.Key()], r.columns[m.Action]
		}
		if m.OneByOne || m.Keeps() { // of one moment in the order in which they are written
			u.At, u.EventID = cmp.Or(r.at, s.cat.Zone.Midnight(r.day)), fmt.Sprintf("%06d", origin.Row)
			e.Usage = append(e.Usage, u)
			continue
		}
		e.Usage = addGroup(e.Usage, u)
	}
	return nil
}

// addGroup adds a row to its group.
func addGroup(groups []rating.Usage, u rating.Usage) []rating.Usage {
	for i := range groups {
		if g := &groups[i]; compareUsage(*g, u) == 0 {
			g.Quantity = g.Quantity.Add(u.Quantity)
			g.Rows++
			g.File, g.Row = "", 0
			return groups
		}
	}
	return append(groups, u)
}

func sumColumns(r *scenarioRow, columns []string) (decimal.Decimal, error) {
	sum := decimal.Decimal{}
	for _, column := range columns {
		if r.columns[column] == "" {
			continue
		}
		value, err := decimal.NewFromString(r.columns[column])
		if err != nil {
			return sum, err
		}
		sum = sum.Add(value)
	}
	return sum, nil
}
