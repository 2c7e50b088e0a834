package rating_test

import (
	"testing"

	"ratemill/rating"
	"ratemill/rating/decimal"
	"ratemill/rating/money"
	"ratemill/rating/pricing"
)

// Vectors of pricing models, unit conversions, aggregations and spends.
var pricedVectors = map[string]func(*testing.T, vector){
	"graduated":                          tiered,
	"volume":                             tiered,
	"graduated_incremental":              tiered,
	"graduated_percentage":               tiered,
	"package":                            packagesOf,
	"percentage":                         percentage,
	"percentage_min_max_per_transaction": percentage,
	"unit_conversion":                    unitConversion,
	"unit_conversion_graduated":          unitConversion,
	"quantity_rounding":                  quantityRounding,
	"weighted_sum":                       weightedSum,
	"per_group":                          perGroup,
	"late_usage":                         lateUsage,
	"minimum_charge":                     minimumCharge,
	"minimum_commitment":                 minimumCommitment,
	"maximum_spend":                      maximumSpend,
	"discount_then_maximum":              discountThenMaximum,
	"window_commitment":                  windowCommitment,
	"usage_discount":                     freeUnits,
	"rerating_delta":                     reratingDelta,
	"rerate.order_dependent_balance":     rerateInOrder,
	"usage.all_tiers":                    blockTiers,
	"usage.top_tier":                     blockTiers,
	"usage.two_units.all_tiers":          twoUnits,
	"usage.two_units.top_tier":           twoUnits,
	"usage.worked_example":               workedExample,
	"usage.blocks":                       usageBlocks,
	"usage.split_at_plan_change":         splitAtPlanChange,
	"usage.flat":                         usageFlat,
	"usage.increments":                   increments,
	"usage.increment_rounding_drift":     increments,
	"usage.max_cost":                     maxCost,
	"usage.beats_tiered":                 beats,
	"usage.beats_threshold":              beats,
	"usage.split_with_beats":             splitWithBeats,
}

// objects are the items of a list of objects.
func (f fields) objects(name string) []fields {
	var all []fields
	values, _ := f[name].([]any)
	for _, v := range values {
		all = append(all, v.(map[string]any))
	}
	return all
}

// optional is a number that may be absent.
func (f fields) optional(t *testing.T, name string) decimal.Decimal {
	t.Helper()
	if f[name] == nil {
		return decimal.Decimal{}
	}
	return f.number(t, name)
}

func exactly(d decimal.Decimal) money.Ratio { return money.Exactly(d) }

func units(d decimal.Decimal) pricing.Usage { return pricing.Usage{Quantity: exactly(d)} }

// expectRatio compares exactly, or at the digits of a rounded answer.
func expectRatio(t *testing.T, what string, got money.Ratio, want string) {
	t.Helper()
	if w := decimalOf(t, want); got.Cmp(exactly(w)) != 0 {
		t.Errorf("%s is %s, want %s", what, got, w)
	}
}

// tiersOf are the tiers of a vector.
func tiersOf(t *testing.T, params fields) []pricing.Tier {
	var tiers []pricing.Tier
	for _, o := range params.objects("tiers") {
		tiers = append(tiers, pricing.Tier{UpTo: o.optional(t, "up_to"), Each: o.optional(t, "unit"), Flat: o.optional(t, "flat")})
		if first := o.optional(t, "first_unit"); !first.IsZero() {
			tiers[len(tiers)-2].Below = first
		}
	}
	return tiers
}

// modelOf is a vector's tiers in a model.
func modelOf(t *testing.T, name string, params fields) pricing.Model {
	zero := map[string]pricing.AtZero{"first_flat": pricing.FlatAtZero}[params.text("zero_usage")]
	var m pricing.Model
	switch name {
	case "volume":
		m = &pricing.Volume{Tiers: tiersOf(t, params), AtZero: zero}
	case "graduated_percentage":
		g := &pricing.GraduatedPercentage{AtZero: zero}
		for _, o := range params.objects("tiers") {
			g.Tiers = append(g.Tiers, pricing.PercentTier{UpTo: o.optional(t, "up_to"), Rate: percent(t, o, "rate_pct"), Flat: o.optional(t, "flat")})
		}
		m = g
	default:
		m = &pricing.Graduated{Tiers: tiersOf(t, params), AtZero: zero}
	}
	if wrong := m.Check(); len(wrong) > 0 {
		t.Fatalf("%+v", wrong)
	}
	return m
}

func percent(t *testing.T, f fields, name string) pricing.Percent {
	t.Helper()
	return pricing.Percent{Rate: f.optional(t, name)}
}

// tiered prices a quantity, or what it adds to the quantity before.
func tiered(t *testing.T, v vector) {
	m := modelOf(t, v.Model, v.Params)
	before := v.Input.optional(t, "previous")
	got := priced(t, m, pricing.Unit{}, units(before.Add(v.Input.number(t, "quantity")))).Amount
	if before.IsPositive() { // at zero nothing was charged yet, also where zero costs something
		got = got.Sub(priced(t, m, pricing.Unit{}, units(before)).Amount)
	}
	expectRatio(t, v.Model, got, v.Expected.text("amount")+v.Expected.text("right"))
}

func packagesOf(t *testing.T, v vector) {
	m := &pricing.Package{
		Of: v.Params.number(t, "size"), Each: v.Params.number(t, "price"), Free: v.Params.optional(t, "free"), Block: pricing.Block(v.Params.text("round")),
	}
	q := v.Input.number(t, "quantity")
	expectRatio(t, "packages", priced(t, m, pricing.Unit{}, units(q)).Amount, v.Expected.text("amount"))
	if m.Block != pricing.Started {
		return
	}
	// Packages of allowances count the same way.
	n := rating.Packages(q, m.Free.IntPart(), m.Of.IntPart())
	expectRatio(t, "packages of an allowance", exactly(m.Each.Mul(decimal.NewFromInt(n))), v.Expected.text("amount"))
}

// percentage prices events: their amounts, or their running totals and the
// rest in one.
func percentage(t *testing.T, v vector) {
	m := &pricing.Percentage{
		Rate: percent(t, v.Params, "rate"), Fixed: v.Params.number(t, "fixed"), FreeEvents: v.Params.whole(t, "free_events"),
		FreeAmount: v.Params.number(t, "free_total"), Min: v.Params.optional(t, "min"), Max: v.Params.optional(t, "max"),
	}
	u := pricing.Usage{}
	for _, e := range v.Input.list("events") {
		u.Events = append(u.Events, decimalOf(t, e))
	}
	if v.Input["units"] != nil {
		total := v.Input.number(t, "units")
		u.Quantity, u.Count = exactly(total), v.Input.whole(t, "count")
		before := decimal.Decimal{}
		for _, text := range v.Input.list("running") {
			running := decimalOf(t, text)
			u.Events = append(u.Events, running.Sub(before))
			before = running
		}
		if len(u.Events) > 0 {
			u.Events = append(u.Events, total.Sub(before))
		}
	}
	expectRatio(t, "the share", priced(t, m, pricing.Unit{}, u).Amount, v.Expected.text("amount"))
}

// unitRoundings are the vectors' words.
var unitRoundings = map[string]pricing.UnitRounding{
	"ceil": pricing.UnitRounding(money.Up), "floor": pricing.UnitRounding(money.Down), "half_up": pricing.UnitRounding(money.HalfUp),
	"round": pricing.UnitRounding(money.HalfUp), "none": pricing.NotRounded,
}

func unitConversion(t *testing.T, v vector) {
	c := pricing.Unit{DivideBy: v.Params.optional(t, "divide"), Rounding: unitRoundings[v.Params.text("round")]}
	switch v.Params.text("op") {
	case "multiply":
		c.MultiplyBy = v.Params.number(t, "factor")
	case "divide":
		c.DivideBy = v.Params.number(t, "factor")
	}
	billed := c.Billed(exactly(v.Input.number(t, "quantity")))
	expectRatio(t, "units", billed, v.Expected.text("billed_units"))
	if v.Expected["amount"] == nil {
		return
	}
	var m pricing.Model = &pricing.Each{Each: v.Params.optional(t, "unit")}
	if v.Params["tiers"] != nil {
		m = modelOf(t, "graduated", v.Params)
	}
	expectRatio(t, "amount", priced(t, m, c, units(v.Input.number(t, "quantity"))).Amount, v.Expected.text("amount"))
}

func quantityRounding(t *testing.T, v vector) {
	c := pricing.Unit{Rounding: unitRoundings[v.Params.text("fn")], To: one.Shift(-int32(v.Params.whole(t, "precision")))}
	expectRatio(t, "the quantity", c.Billed(exactly(v.Input.number(t, "quantity"))), v.Expected.text("quantity"))
}

func weightedSum(t *testing.T, v vector) {
	from, to := microseconds(t, v.Params.text("period_start")), microseconds(t, v.Params.text("period_end"))
	level := pricing.Level{Initial: v.Params.number(t, "initial")}
	for _, o := range v.Input.objects("events") {
		level = level.Add(o.number(t, "delta"), microseconds(t, o.text("at"))-from)
	}
	got := level.Mean(to-from, to-from)
	if want := v.Expected.number(t, "units"); !got.Rounded(int32(v.Params.whole(t, "round")), money.HalfUp).Equal(want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func perGroup(t *testing.T, v vector) {
	m := modelOf(t, v.Params.text("model"), v.Params)
	sum := money.Ratio{}
	for _, q := range v.Input.list("groups") {
		sum = sum.Add(priced(t, m, pricing.Unit{}, units(decimalOf(t, q))).Amount)
	}
	expectRatio(t, "the groups", sum, v.Expected.text("amount"))
}

func amountOf(t *testing.T, d decimal.Decimal, c money.Currency) money.Amount {
	t.Helper()
	return exactly(d).In(c, money.HalfUp)
}

// lateUsage prices periods under one maximum for all; each run sees what
// counters had at the end of each period, and corrects what it charged before.
func lateUsage(t *testing.T, v vector) {
	maximum, unit := amountOf(t, v.Params.number(t, "maximum"), dollars), v.Params.number(t, "unit")
	runs, _ := v.Input["cumulative_seen_at_each_run"].([]any)
	want := [][]string{{"run1"}, {"", "run2"}, {"run3_correction_period1", "run3_correction_period2", "run3_period3"}}
	charged := map[int]money.Amount{}
	for i, run := range runs {
		before, seen := money.Zero(dollars), decimal.Decimal{}
		for period, text := range (fields{"seen": run}).list("seen") {
			total := decimalOf(t, text)
			gross := amountOf(t, total.Sub(seen).Mul(unit), dollars)
			net := gross.Sub(pricing.Above(maximum, before, gross))
			if name := want[i][period]; name != "" {
				expect(t, name, net.Sub(charged[period]), v.Expected.text(name))
			}
			charged[period], before, seen = net, before.Add(net), total
		}
	}
}

func trueUp(t *testing.T, minimum decimal.Decimal, part money.Ratio, charged money.Amount) money.Amount {
	t.Helper()
	return pricing.TrueUp(exactly(minimum), part, charged, money.HalfUp)
}

// minimumCharge is in cents; taxes are of each amount by itself.
func minimumCharge(t *testing.T, v vector) {
	usage := amountOf(t, v.Input.number(t, "usage"), cents)
	got := trueUp(t, v.Params.number(t, "minimum"), money.Over(v.Input.number(t, "days"), v.Input.number(t, "of")), usage)
	expect(t, "the true-up", got, v.Expected.text("true_up"))
	fees, rate := usage.Add(got), []pricing.Percent{percent(t, v.Params, "tax_pct")}
	expect(t, "fees", fees, v.Expected.text("invoice_fees")+v.Expected.text("fees"))
	taxes := pricing.Exclusive([]money.Amount{usage, got}, rate, cents, pricing.PerLine, money.HalfUp)[0]
	expect(t, "taxes", taxes, v.Expected.text("invoice_tax")+v.Expected.text("taxes"))
	if v.Expected["total"] != nil {
		expect(t, "the total", fees.Add(taxes), v.Expected.text("total"))
	}
}

func minimumCommitment(t *testing.T, v vector) {
	minimum := v.Params.optional(t, "minimum").Add(v.Params.optional(t, "commitment"))
	if v.Expected["commitment_due"] != nil {
		due := trueUp(t, minimum, money.Over(v.Input.number(t, "days"), v.Input.number(t, "of")), money.Zero(cents))
		expect(t, "the commitment", due, v.Expected.text("commitment_due"))
		return
	}
	currency := dollars
	if v.Params["precision"] != nil {
		currency.Minor = int32(v.Params.whole(t, "precision"))
	}
	charged := amountOf(t, v.Input.optional(t, "fees").Add(v.Input.optional(t, "usage")).Add(v.Input.optional(t, "already_billed")), currency)
	if v.Expected["amount"] != nil {
		charged = commitmentUsage(t, v)
	}
	got := trueUp(t, minimum, money.Int(1), charged)
	expect(t, "the true-up", got, v.Expected.text("true_up"))
	if v.Expected["total"] != nil {
		expect(t, "the total", charged.Add(got), v.Expected.text("total"))
	}
}

// commitmentUsage is what usage beside a commitment costs.
func commitmentUsage(t *testing.T, v vector) money.Amount {
	var m pricing.Model
	if v.Params["size"] != nil {
		m = &pricing.Package{Of: v.Params.number(t, "size"), Each: v.Params.number(t, "price")}
	} else {
		params := v.Params
		params["zero_usage"] = "first_flat"
		m = modelOf(t, v.Params.text("model"), params)
	}
	usage := priced(t, m, pricing.Unit{}, units(v.Input.number(t, "quantity"))).Amount
	expectRatio(t, "usage", usage, v.Expected.text("amount"))
	return usage.In(dollars, money.HalfUp)
}

func maximumSpend(t *testing.T, v vector) {
	before, gross := amountOf(t, v.Input.optional(t, "already_billed"), dollars), money.Amount{}
	if v.Params["multiplier"] != nil {
		gross = amountOf(t, v.Input.number(t, "quantity").Mul(v.Params.number(t, "multiplier")), dollars)
	} else {
		gross = priced(t, modelOf(t, v.Params.text("model"), v.Params), pricing.Unit{}, units(v.Input.number(t, "quantity"))).Amount.In(dollars, money.HalfUp)
	}
	above := pricing.Above(amountOf(t, v.Params.number(t, "maximum"), dollars), before, gross)
	expect(t, "gross", gross, v.Expected.text("gross"))
	expect(t, "the discount", above, v.Expected.text("discount"))
	expect(t, "net", gross.Sub(above), v.Expected.text("net"))
}

func discountThenMaximum(t *testing.T, v vector) {
	gross := amountOf(t, v.Params.number(t, "unit").Mul(v.Input.number(t, "quantity")), dollars)
	off := pricing.Discounted(gross, []pricing.Discount{{Percent: percent(t, v.Params, "discount_pct")}}, money.HalfUp)[0]
	expect(t, "gross", gross, v.Expected.text("gross"))
	expect(t, "the percentage", off, v.Expected.text("percent_discount"))
	left := gross.Sub(off)
	above := pricing.Above(amountOf(t, v.Params.number(t, "maximum"), dollars), amountOf(t, v.Input.number(t, "already_billed"), dollars), left)
	expect(t, "above the maximum", above, v.Expected.text("max_discount"))
	expect(t, "net", left.Sub(above), v.Expected.text("net"))
}

func windowCommitment(t *testing.T, v vector) {
	total := money.Zero(dollars)
	for _, q := range v.Input.list("windows") {
		usage := amountOf(t, decimalOf(t, q).Mul(v.Params.number(t, "unit")), dollars)
		total = total.Add(usage).Add(trueUp(t, v.Params.number(t, "commitment"), money.Int(1), usage))
	}
	expect(t, "the windows", total, v.Expected.text("total"))
}

func freeUnits(t *testing.T, v vector) {
	free, before := exactly(v.Params.number(t, "free_units")), exactly(v.Input.number(t, "previous"))
	expectRatio(t, "billed before", pricing.AfterFree(free, money.Ratio{}, before), v.Expected.text("billed_previous"))
	expectRatio(t, "billed", pricing.AfterFree(free, before, exactly(v.Input.number(t, "quantity"))), v.Expected.text("billed"))
}

// reratingDelta charges, at each reading of a counter, the rounded price of
// all of it less what was charged.
func reratingDelta(t *testing.T, v vector) {
	var m pricing.Model = &pricing.Each{Each: v.Params.optional(t, "unit")}
	if v.Params["tiers"] != nil {
		m = modelOf(t, v.Params.text("model"), v.Params)
	}
	charged := money.Zero(dollars)
	for i, q := range v.Input.list("cumulative") {
		price := priced(t, m, pricing.Unit{}, units(decimalOf(t, q))).Amount.In(dollars, money.HalfUp)
		expect(t, "at "+q, price.Sub(charged), v.Expected.list("lines")[i])
		charged = price
	}
}

// rerateInOrder lets the earlier event use the allowance.
func rerateInOrder(t *testing.T, v vector) {
	free, before, balance := exactly(v.Params.number(t, "free_seconds")), money.Ratio{}, money.Ratio{}
	for i, text := range v.Input.list("events_s") {
		q := exactly(decimalOf(t, text))
		cost := pricing.AfterFree(free, before, q).By(v.Params.number(t, "unit_s")).Times(v.Params.number(t, "rate"))
		expectRatio(t, "event", cost, v.Expected.list("costs")[i])
		before, balance = before.Add(q), balance.Sub(cost)
	}
	expectRatio(t, "the balance", balance, v.Expected.text("balance"))
}

// blocks are Kill Bill's tiers: so many blocks of a size, each at a price. The
// last one never ends here: a catalog with one that does is refused.
func blocks(t *testing.T, all [][3]decimal.Decimal) []pricing.Tier {
	var tiers []pricing.Tier
	bound := decimal.Decimal{}
	for i, b := range all {
		bound = bound.Add(b[0].Mul(b[1]))
		tier := pricing.Tier{UpTo: bound, Of: b[0], Each: b[2]}
		if i == len(all)-1 {
			tier.UpTo = decimal.Decimal{}
		}
		tiers = append(tiers, tier)
	}
	return tiers
}

func blockTiers(t *testing.T, v vector) {
	var all [][3]decimal.Decimal
	for _, o := range v.Params.objects("tiers") {
		all = append(all, [3]decimal.Decimal{o.number(t, "block_size"), o.number(t, "max_blocks"), o.number(t, "price_per_block")})
	}
	p := priced(t, byPolicy(v.Params.text("policy"), blocks(t, all)), pricing.Unit{}, units(v.Input.number(t, "quantity")))
	expectRatio(t, "the tiers", p.Amount, v.Expected.text("amount"))
	for i, want := range v.Expected.list("tier_amounts") {
		expectRatio(t, p.Parts[i].What, p.Parts[i].Amount(), want)
	}
}

func byPolicy(policy string, tiers []pricing.Tier) pricing.Model {
	if policy == "TOP_TIER" {
		return &pricing.Volume{Tiers: tiers}
	}
	return &pricing.Graduated{Tiers: tiers}
}

// twoUnits adds up two prices.
func twoUnits(t *testing.T, v vector) {
	sum := money.Ratio{}
	for _, name := range []string{"FOO", "BAR"} {
		var all [][3]decimal.Decimal
		for _, item := range v.Params[name].([]any) {
			b := (fields{"b": item}).list("b")
			all = append(all, [3]decimal.Decimal{decimalOf(t, b[0]), decimalOf(t, b[1]), decimalOf(t, b[2])})
		}
		sum = sum.Add(priced(t, byPolicy(v.Params.text("policy"), blocks(t, all)), pricing.Unit{}, units(v.Input.number(t, name))).Amount)
	}
	expectRatio(t, "both", sum, v.Expected.text("amount"))
}

func workedExample(t *testing.T, v vector) {
	minutes := []pricing.Tier{{UpTo: decimal.NewFromInt(20), Each: decimal.NewFromInt(2)}, {Each: decimal.NewFromInt(20)}}
	mbytes := &pricing.Each{Each: decimal.NewFromInt(10)}
	for name, policy := range map[string]string{"all_tiers": "ALL_TIERS", "top_tier": "TOP_TIER"} {
		got := priced(t, byPolicy(policy, minutes), pricing.Unit{}, units(v.Input.number(t, "minutes"))).Amount.Add(priced(t, mbytes, pricing.Unit{}, units(v.Input.number(t, "mbytes"))).Amount)
		expectRatio(t, name, got, v.Expected.text(name))
	}
}

func sumOf(t *testing.T, texts []string) decimal.Decimal {
	sum := decimal.Decimal{}
	for _, text := range texts {
		sum = sum.Add(decimalOf(t, text))
	}
	return sum
}

func usageBlocks(t *testing.T, v vector) {
	m := &pricing.Package{Of: v.Params.number(t, "block_size"), Each: v.Params.number(t, "price")}
	expectRatio(t, "blocks", priced(t, m, pricing.Unit{}, units(sumOf(t, v.Input.list("usage")))).Amount, v.Expected.text("amount"))
}

func splitAtPlanChange(t *testing.T, v vector) {
	for i, names := range [][2]string{{"old_price", "before"}, {"new_price", "from_change"}} {
		m := &pricing.Each{Each: v.Params.number(t, names[0])}
		expectRatio(t, names[1], priced(t, m, pricing.Unit{}, units(sumOf(t, v.Input.list(names[1])))).Amount, v.Expected.list("lines")[i])
	}
}

func usageFlat(t *testing.T, v vector) {
	c := pricing.Unit{DivideBy: v.Params.number(t, "charge_base")}
	m := &pricing.Each{Each: v.Params.number(t, "factor")}
	expectRatio(t, "the charge", priced(t, m, c, units(v.Input.number(t, "value"))).Amount, v.Expected.text("charge"))
}

// increments are units of time sold in steps.
func increments(t *testing.T, v vector) {
	switch {
	case v.Params["groups"] != nil:
		var tiers []pricing.Tier
		for _, o := range v.Params.objects("groups") {
			if from := o.optional(t, "from_s"); !from.IsZero() {
				tiers[len(tiers)-1].UpTo = from
			}
			tiers = append(tiers, pricing.Tier{Each: o.number(t, "rate")})
		}
		p := priced(t, &pricing.Graduated{Tiers: tiers}, pricing.Unit{}, units(v.Input.number(t, "seconds")))
		expectRatio(t, "the cost", p.Amount, v.Expected.text("cost"))
		for i, want := range v.Expected.list("parts") {
			expectRatio(t, p.Parts[i].What, p.Parts[i].Amount(), want)
		}
	case v.Input["spans_s"] != nil:
		incrementSpans(t, v)
	default:
		incrementCost(t, v)
	}
}

// incrementSpans bills the increments that each span adds to those before.
func incrementSpans(t *testing.T, v vector) {
	c := pricing.Unit{Rounding: pricing.UnitRounding(money.Up), To: v.Params.number(t, "increment_s")}
	counted, billed, want := money.Ratio{}, money.Ratio{}, v.Expected.list("billed_s")
	for i, span := range v.Input.list("spans_s") {
		counted = counted.Add(exactly(decimalOf(t, span)))
		now := c.Billed(counted)
		expected := "0" // swallowed by the spans before
		if i < len(want) {
			expected = want[i]
		}
		expectRatio(t, "billed", now.Sub(billed), expected)
		billed = now
	}
}

// incrementCost counts in the unit that has a price: 6 s steps are tenths of a
// minute. Steps of one second round nothing that comes in whole seconds.
func incrementCost(t *testing.T, v vector) {
	unit := v.Params.number(t, "unit_s")
	c := pricing.Unit{DivideBy: unit}
	if step := v.Params.optional(t, "next_increment_s"); !step.IsZero() {
		c.Rounding = pricing.UnitRounding(money.Up)
		c.To, _ = exactly(step).By(unit).Decimal()
		c.First, _ = exactly(v.Params.number(t, "first_increment_s")).By(unit).Decimal()
	}
	billed := c.Billed(exactly(v.Input.number(t, "seconds")))
	if want := v.Expected.text("billed_seconds"); want != "" {
		expectRatio(t, "billed seconds", billed.Times(unit), want)
	}
	got := priced(t, &pricing.Each{Each: v.Params.number(t, "rate")}, c, units(v.Input.number(t, "seconds"))).Amount
	if v.Use == "avoid" { // the unit price was rounded before it was multiplied
		if got.Cmp(exactly(v.Expected.number(t, "cost"))) == 0 {
			t.Errorf("%s is the wrong answer", got)
		}
		expectRatio(t, "the exact cost", got, "0.30")
		return
	}
	expectRatio(t, "the cost", got, v.Expected.text("cost"))
}

func maxCost(t *testing.T, v vector) {
	m := &pricing.Percentage{Rate: pricing.Percent{Rate: decimal.NewFromInt(100)}, Max: v.Params.number(t, "max_cost")}
	got := priced(t, m, pricing.Unit{}, pricing.Usage{Events: []decimal.Decimal{v.Input.number(t, "seconds")}}).Amount
	expectRatio(t, "the cost", got, v.Expected.text("cost"))
}

// beats are tiers whose units are billed in steps. The last tier of a vector
// ends: such a catalog is refused, and without the end nothing is free.
func beats(t *testing.T, v vector) {
	var tiers []pricing.Tier
	for _, o := range v.Params.objects("steps") {
		each, _ := exactly(o.number(t, "factor").Mul(o.number(t, "beat"))).By(o.number(t, "charge_base")).Decimal()
		tiers = append(tiers, pricing.Tier{UpTo: o.number(t, "to"), Of: o.number(t, "beat"), Each: each})
	}
	policy := map[string]string{"usage.beats_threshold": "TOP_TIER"}[v.Model]
	if len(byPolicy(policy, tiers).Check()) == 0 {
		t.Error("a last tier that ends is not refused")
	}
	tiers[len(tiers)-1].UpTo = decimal.Decimal{}
	m, offset := byPolicy(policy, tiers), v.Params.number(t, "offset")
	got := priced(t, m, pricing.Unit{}, units(offset.Add(v.Input.number(t, "value")))).Amount.Sub(priced(t, m, pricing.Unit{}, units(offset)).Amount)
	if v.Use == "avoid" {
		if got.Cmp(exactly(v.Expected.number(t, "charge"))) == 0 {
			t.Errorf("%s is the wrong answer", got)
		}
		return
	}
	expectRatio(t, "the charge", got, v.Expected.text("charge"))
}

func splitWithBeats(t *testing.T, v vector) {
	var steps [2]fields
	steps[0], steps[1] = v.Params["first"].(map[string]any), v.Params["second"].(map[string]any)
	var tiers []pricing.Tier
	for _, o := range steps {
		each, _ := exactly(o.number(t, "rate_per_60").Mul(o.number(t, "beat"))).By(decimal.NewFromInt(60)).Decimal()
		tiers = append(tiers, pricing.Tier{Of: o.number(t, "beat"), Each: each})
	}
	tiers[0].UpTo = tiers[0].Of // the first price is for the beats that the first part begins: one
	got := priced(t, &pricing.Graduated{Tiers: tiers}, pricing.Unit{}, units(v.Input.number(t, "first_s").Add(v.Input.number(t, "second_s"))))
	expectRatio(t, "the charge", got.Amount, v.Expected.text("charge"))
}
