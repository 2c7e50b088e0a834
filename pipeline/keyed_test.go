package pipeline

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ratemill/rating"
	"ratemill/rating/catalog"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/readers"
)

// levelled is a company that charges users who have logged in, members, and
// storage by the time for which it is kept.
func levelled(t *testing.T) *company {
	t.Helper()
	c := newCompany(t, "")
	c.knobs.Catalog = parsedCatalog(t, levelledCatalog)
	c.knobs.Sources = []SourceSettings{
		{Name: "disk", Kind: UsageKind, Quantity: "gigabytes", Decimals: 3, Exports: usual("disk")},
		{Name: "logins", Kind: UsageKind, Key: "user_id", Exports: usual("logins")},
		{Name: "members", Kind: UsageKind, Key: "user_id", Action: "operation", Dimensions: []string{"team"}, Exports: usual("members")},
	}
	return c
}

func usual(source string) []ExportSettings {
	return []ExportSettings{{Paths: []string{source + "/date={date}/*.csv"}, Mapping: readers.Mapping{}}}
}

const levelledCatalog = `
catalog: {name: levelled, currency: USD, time_zone: UTC, rounding: half_up, window: 40 days, invoice_series: LEV}
meters:
  disk: {source: disk, weighted: gigabytes, rule: L-1}
  logins: {source: logins, unique: user_id, rule: L-2}
  members: {source: members, active: user_id, action: operation, by: [team], rule: L-3}
versions:
- from: 2024-01-01
  terms: {monthly: {every: 8 days, base: 1 x monthly, rule: L-0}}
  plans: {payg: {all: {base: {price: 0, rule: L-0}}}}
  usage_charges:
    disk: {description: disk, price: {each: 8}, charged: period_end, rule: L-1}
    logins: {description: users, price: {graduated: [{up_to: 2, each: 0}, {each: 3}]}, over: period, rule: L-2}
    members: {description: members, price: {each: 5}, charged: period_end, per: [team], rule: L-3}
`

func parsedCatalog(t testing.TB, text string) *catalog.Catalog {
	t.Helper()
	cat, err := catalog.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return cat
}

var levelledHeaders = map[string]string{
	"disk": "event_id,account_id,occurred_at,gigabytes", "logins": "event_id,account_id,occurred_at,user_id",
	"members": "event_id,account_id,occurred_at,user_id,operation,team",
}

// deliverLevels writes rows as "SOURCE/DAY FILE: ROW" lines.
func (c *company) deliverLevels(lines string) {
	c.Helper()
	files := map[string][]string{}
	for line := range strings.Lines(trimmed(lines)) {
		place, row, _ := strings.Cut(strings.TrimSpace(line), ": ")
		files[place] = append(files[place], row)
	}
	for place, rows := range files {
		where, name, _ := strings.Cut(place, " ")
		source, day, _ := strings.Cut(where, "/")
		c.write(fmt.Sprintf("%s/date=%s/%s.csv", source, day, name), levelledHeaders[source]+"\n"+strings.Join(rows, "\n")+"\n")
	}
}

const levelledRows = `
	disk/2024-05-01 a: d1,A,2024-05-01T00:00:00Z,1.5
	disk/2024-05-05 a: d2,A,2024-05-05T00:00:00Z,-0.5
	disk/2024-05-05 b: d2,A,2024-05-05T00:00:00Z,-0.5
	disk/2024-05-11 a: d3,A,2024-05-08T00:00:00Z,31
	logins/2024-05-01 a: l1,A,2024-05-01T10:00:00Z,ann
	logins/2024-05-01 b: l2,A,2024-05-01T09:00:00Z,bob
	logins/2024-05-01 b: l3,A,2024-05-01T11:00:00Z,ann
	logins/2024-05-02 a: l4,A,2024-05-02T09:00:00Z,cem
	logins/2024-05-02 a: l5,A,2024-05-02T09:00:00Z,
	logins/2024-05-02 a: l1,A,2024-05-01T10:00:00Z,ann
	logins/2024-05-10 a: l6,A,2024-05-08T09:00:00Z,cem
	logins/2024-05-10 a: l7,A,2024-05-08T09:00:00Z,dora
	members/2024-05-01 a: m1,A,2024-05-01T09:00:00Z,ann,add,red
	members/2024-05-01 b: m2,A,2024-05-01T08:00:00Z,bob,add,red
	members/2024-05-01 b: m3,A,2024-05-01T10:00:00Z,cem,add,blue
	members/2024-05-02 a: m4,A,2024-05-02T10:00:00Z,bob,remove,red
	members/2024-05-02 b: m5,A,2024-05-02T09:00:00Z,bob,add,red
	members/2024-05-02 b: m6,A,2024-05-02T09:00:00Z,eva,joins,red
	members/2024-05-12 a: m7,A,2024-05-08T09:00:00Z,eva,add,blue
	members/2024-05-12 a: m2,A,2024-05-01T08:00:00Z,bob,add,red
`

func (c *company) signUpLevelled() {
	c.deliver(`
		-- account_events/2024-05-01
		s1,A,2024-05-01T00:00:00Z,signed_up,payg,monthly,card,
	`)
}

// Keys and levels go from the exports to the invoice: duplicates count once,
// what is late changes the period that is over and what runs on from it.
func TestKeysAndLevelsFromNightToNight(t *testing.T) {
	c := levelled(t)
	c.signUpLevelled()
	c.deliverLevels(levelledRows)
	c.nights("2024-05-01", "2024-05-17")
	c.wantDocuments("2024-05-02", `
		invoice A total 3.00 credits 0.00 due 3.00
		  usage 3.00 L-2
		charge A 3.00 card
	`)
	// 1.25 gigabytes × 8; ann in red, cem in blue
	c.wantDocuments("2024-05-09", `
		invoice A total 20.00 credits 0.00 due 20.00
		  usage 10.00 L-1
		  usage 5.00 L-3
		  usage 5.00 L-3
		charge A 20.00 card
	`)
	c.wantDocuments("2024-05-10", `
		invoice A total 3.00 credits 0.00 due 3.00
		  usage 3.00 L-2 late
		charge A 3.00 card
	`)
	c.wantDocuments("2024-05-11", `
		invoice A total 31.00 credits 0.00 due 31.00
		  usage 31.00 L-1 late
		charge A 31.00 card
	`)
	c.wantDocuments("2024-05-12", `
		invoice A total 5.00 credits 0.00 due 5.00
		  usage 5.00 L-3 late
		charge A 5.00 card
	`)
	// 32 gigabytes run on, and ann, cem and eva
	c.wantDocuments("2024-05-17", `
		invoice A total 271.00 credits 0.00 due 271.00
		  usage 256.00 L-1
		  usage 10.00 L-3
		  usage 5.00 L-3
		charge A 271.00 card
	`)
	c.wantRejects("2024-05-02", `
		logins/date=2024-05-02/a.csv:2 A missing_field open
		members/date=2024-05-02/b.csv:2 A unknown_action open
	`)
	if end := c.sourceEnd("2024-05-12", "members"); end.Passed != 1 || end.Rated != 1 {
		t.Errorf("members of 12 May: %+v", end)
	}
	c.explainAll()
}

// The same bytes whatever the names of the files, the order of rows in them,
// workers, partitions and buckets.
func TestKeysAndLevelsAreTheSameBytes(t *testing.T) {
	run := func(workers, buckets int, reversed bool) map[string]string {
		c := levelled(t)
		c.signUpLevelled()
		lines := strings.Split(trimmed(levelledRows), "\n")
		if reversed {
			slices.Reverse(lines)
		}
		c.deliverLevels(strings.Join(lines, "\n"))
		c.knobs.Workers, c.knobs.Buckets, c.knobs.Memory = workers, buckets, 1<<20
		c.nights("2024-05-01", "2024-05-12")
		all := issued(t, c.output)
		for key := range all {
			if reversed && !strings.HasPrefix(key, "account_state/") && !strings.HasPrefix(key, "invoice") && !strings.HasPrefix(key, "charge") {
				delete(all, key) // names the rows' places
			}
		}
		return all
	}
	one := run(1, 1, false)
	sameTree(t, "three workers", run(3, 8, false), one)
	reversed := run(2, 4, true)
	if len(reversed) < 3*12 {
		t.Fatalf("%d tables", len(reversed))
	}
	for key, text := range reversed {
		if one[key] != text {
			t.Errorf("%s depends on the order of rows in a file", key)
		}
	}
}

// A meter of keys needs a source that has them; the message says what to write.
func TestSourceLacksTheKey(t *testing.T) {
	for _, c := range []struct{ meter, want string }{
		{"{source: disk, unique: user_id, rule: L}", `source "disk" has no column "user_id"; its columns are gigabytes; in ratemill.yaml a source of kind usage says its key: user_id`},
		{"{source: disk, unique: gigabytes, rule: L}", `column "gigabytes" of source "disk" is not its key; in ratemill.yaml a source of kind usage says its key: gigabytes`},
		{"{source: logins, active: user_id, action: operation, rule: L}", `source "logins" has no action column "operation"; say action: operation in ratemill.yaml`},
		{"{source: logins, sum: user_id, rule: L}", `source "logins" has the key "user_id" and no quantity: it can be counted by unique, active and count, not by sum`},
		{"{source: logins, weighted: user_id, rule: L}", `source "logins" has the key "user_id" and no quantity: it can be counted by unique, active and count, not by weighted`},
		{"{source: logins, weighted: gigabytes, rule: L}", `source "logins" has no column "gigabytes"; its columns are user_id`},
		{"{source: members, active: team, rule: L}", `column "team" of source "members" is not its key; in ratemill.yaml a source of kind usage says its key: team`},
		{"{source: members, unique: team, rule: L}", ""},
		{"{source: logins, count: user_id, rule: L}", ""},
		{"{source: members, active: user_id, rule: L}", ""},
		{"{source: sms, unique: country, rule: L}", ""},
	} {
		text := levelledCatalog[:strings.Index(levelledCatalog, "meters:")] + "meters: {m: " + c.meter + "}\n" + levelledCatalog[strings.Index(levelledCatalog, "versions:"):strings.Index(levelledCatalog, "  usage_charges:")]
		check, err := MeterCheck(levelled(t).knobs.Sources, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, wrong := range check(&parsedCatalog(t, text).Meters[0]) {
			got = wrong.What
		}
		if got != c.want {
			t.Errorf("%s: %v\nwant %s", c.meter, got, c.want)
		}
	}
}

// Rows of a key wait for a late sign-up like any others, and are billed once.
func TestKeysWaitForTheSignUp(t *testing.T) {
	c := levelled(t)
	c.signUpLevelled()
	c.deliverLevels(`
		members/2024-05-01 a: m1,B,2024-05-01T09:00:00Z,ann,add,red
		members/2024-05-01 a: m2,B,2024-05-01T10:00:00Z,bob,add,red
		members/2024-05-02 a: m2,B,2024-05-01T10:00:00Z,bob,add,red
		disk/2024-05-01 a: d1,B,2024-05-01T00:00:00Z,-2
		disk/2024-05-02 a: d2,B,2024-05-01T00:00:00Z,3
	`)
	c.deliver(`
		-- account_events/2024-05-03
		s2,B,2024-05-01T00:00:00Z,signed_up,payg,monthly,card,
		c2,B,2024-05-03T12:00:00Z,cancelled,,,,
	`)
	c.nights("2024-05-01", "2024-05-04")
	// A late sign-up is billed from the night's day on: 1 gigabyte × 8, for 1 of
	// the 8 days; two members.
	c.wantDocuments("2024-05-03", `
		invoice B total 11.00 credits 0.00 due 11.00
		  usage 1.00 L-1
		  usage 10.00 L-3
		charge B 11.00 card
		plan B none to payg signed_up
		plan B payg to none cancelled
	`)
	if end := c.sourceEnd("2024-05-03", "members"); end.TakenUp != 2 || end.Rated != 2 {
		t.Errorf("members of 3 May: %+v", end)
	}
	c.explainAll()
}

// A tally's keys, switches and sums come out of the state as they went in.
func TestStateOfLevels(t *testing.T) {
	currency, err := money.LookupCurrency("USD")
	if err != nil {
		t.Fatal(err)
	}
	zero := money.Zero(currency)
	moment := decimal.RequireFromString("123456789012345678901234567890.123456789012")
	tally := rating.Tally{
		Meter: "m", From: 19000, Version: 18000, To: 19031, Charged: rating.Charged{Amount: zero, Adjusted: zero},
		Level: rating.RunningLevel{Initial: decimal.New(15, -1), Change: decimal.New(-5, -1), Moment: moment},
		Keys:  []rating.Key{{1}, {2, 15: 3}},
		Switches: []rating.Switch{
			{At: 19000 * 86400e6, ID: eventKey(1, 2), Key: rating.Key{1}}, {At: 19001 * 86400e6, ID: eventKey(1<<63, 0), Key: rating.Key{15: 9}, On: true},
		},
	}
	a := rating.Account{ID: "A", Plan: "payg", Currency: currency, Tallies: []rating.Tally{tally}}
	row := stateRow(&a)
	back, err := accountOf(&row)
	if err != nil {
		t.Fatal(err)
	}
	if got := back.Tallies[0]; !got.Level.Moment.Equal(moment) || !reflect.DeepEqual(got.Keys, tally.Keys) || !reflect.DeepEqual(got.Switches, tally.Switches) || !got.Level.End().Equal(tally.Level.End()) {
		t.Errorf("%+v came back as %+v", tally, got)
	}
}
