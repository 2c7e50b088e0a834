package rating_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/rating/catalog"
	"ratemill/rating/money"
)

// TestAnyLife bills lives of random events, likely and unlikely, in any order,
// and holds what must be true of all of them: every bill keeps its checks, no
// charge is asked for twice, nothing is given back that was not asked for, and
// nothing renews after the account has closed or while it is suspended.
func TestAnyLife(t *testing.T) {
	for _, name := range []string{"marketing", "chat", "teams"} {
		t.Run(name, func(t *testing.T) {
			cat, err := readCatalog([]command{{words: []string{"catalog", name}}})
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) { liveOnce(t, cat) })
		})
	}
}

// life is what must be known of the nights so far.
type life struct {
	charged  map[string]money.Amount // by charge id
	refunded map[string]money.Amount
	open     []string // charge ids whose result may come
}

func liveOnce(t *rapid.T, cat *catalog.Catalog) {
	l := life{charged: map[string]money.Amount{}, refunded: map[string]money.Amount{}}
	account := rating.Account{ID: "A"}
	day := calendar.Date(2018, 5, 1) + calendar.Day(rapid.IntRange(0, 60).Draw(t, "first day"))
	for range rapid.IntRange(30, 150).Draw(t, "nights") {
		var e rating.Events
		if !account.Exists() {
			e.Account = append(e.Account, drawSignUp(t, cat, day))
		}
		for range rapid.SampledFrom([]int{0, 0, 0, 0, 1, 1, 2, 4}).Draw(t, "account events") {
			e.Account = append(e.Account, drawAccountEvent(t, cat, day))
		}
		if len(cat.Meters) > 0 {
			s := story{cat: cat}
			drawn := s.drawNight(t, day)
			e.Usage, e.Readings, e.Seats = drawn.Usage, drawn.Readings, drawn.Seats
			e.Usage = slices.DeleteFunc(e.Usage, func(u rating.Usage) bool { return cat.Meter(u.Meter) == nil })
			e.Readings = slices.DeleteFunc(e.Readings, func(r rating.Reading) bool { return cat.Meter(r.Meter) == nil })
		}
		e.Payments = l.drawResults(t, day)
		o, err := billChecked(cat, account, day, e)
		if err != nil {
			t.Fatal(err)
		}
		l.check(t, &account, &o, len(e.Account)+len(e.Payments))
		account = stored(o.Account)
		day++
	}
}

func drawSignUp(t *rapid.T, cat *catalog.Catalog, day calendar.Day) rating.AccountEvent {
	e := drawAccountEvent(t, cat, day)
	e.Type, e.Day, e.Approved, e.Currency = "signed_up", day, true, ""
	e.Plan = rapid.SampledFrom(cat.Versions[0].Plans).Draw(t, "plan").Name
	e.Date = calendar.None
	if rapid.IntRange(0, 3).Draw(t, "trial") == 0 {
		e.Date = day + calendar.Day(rapid.IntRange(0, 20).Draw(t, "trial days"))
	}
	return e
}

// drawAccountEvent draws an event with every column that some type needs.
func drawAccountEvent(t *rapid.T, cat *catalog.Catalog, day calendar.Day) rating.AccountEvent {
	one := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }
	return rating.AccountEvent{
		Origin: rating.Origin{Source: "account_events", Rows: 1}, Day: day - drawDelay(t)/25,
		Type: one("type", "plan_changed", "plan_changed", "plan_changed", "term_changed", "suspended", "resumed", "resumed", "nonprofit_granted",
			"nonprofit_revoked", "payment_method_changed", "billing_date_changed", "credits_purchased", "package_subscribed",
			"package_unsubscribed", "service_used", "cancelled", "uninstalled", "refund_requested"),
		Plan: rapid.SampledFrom(cat.Versions[0].Plans).Draw(t, "plan").Name, Term: one("term", "monthly", "annual"),
		Method: one("method", "card", "card", "paypal", ""), Service: one("service", "bulk_email", "postcards", "onboarding", "rollback", ""),
		Offer: one("offer", "guarantee_90", ""), Channel: one("channel", "", "shopify"), Approved: rapid.Bool().Draw(t, "approved"),
		Quantity: rapid.Int64Range(0, 600).Draw(t, "quantity"), Date: day + calendar.Day(rapid.IntRange(-1, 40).Draw(t, "date")),
	}
}

// drawResults draws results of some of the charges that were asked for, and
// now and then of one that has its result, or never was.
func (l *life) drawResults(t *rapid.T, day calendar.Day) (results []rating.PaymentEvent) {
	for _, id := range append(l.open, "ch_none_1") {
		if rapid.IntRange(0, 4).Draw(t, "result comes") > 0 {
			continue
		}
		results = append(results, rating.PaymentEvent{
			Origin: rating.Origin{Source: "payment", Rows: 1}, Day: day, ChargeID: id,
			Status: rapid.SampledFrom([]string{"succeeded", "failed", "failed", "failed"}).Draw(t, "status"), Reason: "declined",
		})
	}
	return results
}

func (l *life) check(t *rapid.T, before *rating.Account, o *rating.Outcome, events int) {
	charges := o.Retries
	if o.Charge != nil {
		charges = append(charges[:len(charges):len(charges)], *o.Charge)
	}
	for _, c := range charges {
		if _, again := l.charged[c.ID]; again {
			t.Fatalf("charge %s is asked for twice", c.ID)
		}
		l.charged[c.ID] = c.Amount
		l.open = append(l.open, c.ID)
	}
	if n := len(l.open); n > 6 {
		l.open = l.open[n-6:]
	}
	for _, r := range o.Refunds {
		l.refunded[r.ChargeID] = l.refunded[r.ChargeID].Add(r.Amount)
		if l.refunded[r.ChargeID].Cmp(l.charged[r.ChargeID]) > 0 {
			t.Fatalf("of charge %s of %s, %s are given back", r.ChargeID, l.charged[r.ChargeID], l.refunded[r.ChargeID])
		}
	}
	checkRenewal(t, before, o)
	refused := 0
	for _, r := range o.Rejections {
		if r.Source == "account_events" || r.Source == "payment" {
			refused++
		}
	}
	if refused > events {
		t.Fatalf("%d events, %d refused", events, refused)
	}
}

// checkRenewal: a base fee needs an open account that is not suspended, and a
// discount is never more than what it is on.
func checkRenewal(t *rapid.T, before *rating.Account, o *rating.Outcome) {
	if o.Invoice == nil {
		return
	}
	for _, l := range o.Invoice.Lines {
		recurring := l.Kind == rating.BaseFee || l.Rule == "MK-7"
		switch {
		case recurring && before.ClosedOn != calendar.None:
			t.Fatalf("closed on %s, and charged %s", before.ClosedOn, l.Description)
		case recurring && before.Suspended() && o.Account.Suspended() && len(o.PlanChanges) == 0:
			t.Fatalf("suspended, and charged %s", l.Description)
		case o.Account.Has("uninstalled"):
			t.Fatal(fmt.Sprintf("removed, and charged %s", l.Description))
		}
	}
}
