package catalog

import (
	"slices"

	"ratemill/rating/pricing"
)

// forms are all objects of the language. TestSchemaHasWhatTheParserAsks holds
// them against the parser, key by key.
var forms = []form{
	{name: "the catalog", says: "A billing policy.", keys: []formKey{
		{"catalog", "What holds for all of it.", ref("catalog"), true},
		{"cohorts", "Groups of accounts by sign-up date, for plans that differ between old and new customers.", named(ref("cohort %q")), false},
		{"meters", "What the rows of sources are counted as, by name.", named(ref("meter %q")), false},
		{"versions", "The policy from a day on, until the day of the next. Dates ascend; nothing is taken over from the version before.", listOfAny(ref("version")), true},
	}},
	{name: "catalog", says: "What holds for all of the catalog.", keys: []formKey{
		{"name", "The catalog's name, for reports.", anyText(), true},
		{"currency", "ISO 4217 code, in capitals, of accounts that name none, and of amounts that name none.", pattern("^[A-Z]{3}$", "USD", "EUR"), true},
		{"time_zone", "IANA name; a day is a calendar day of this zone.", pattern("^[A-Za-z]", "America/Los_Angeles", "UTC"), true},
		{"rounding", "How a line becomes a whole number of minor units: ties away from zero, ties to the even neighbour, always away from zero, always towards zero.", oneWord(roundings()...), true},
		{"window", "How many days back late usage is accepted and repeated rows are recognised, 1 to 3650.", someDays("30 days"), true},
		{"invoice_series", "The series of invoice numbers; it is part of each number.", anyText(), true},
	}},
	{name: "cohort %q", says: "Accounts by sign-up date: in the first cohort whose date is later.", oneOf: []string{"signed_up_before", "otherwise"}, keys: []formKey{
		{"signed_up_before", "Accounts that signed up on an earlier day are in this cohort. Dates ascend from cohort to cohort.", aDate(), false},
		{"otherwise", "Accounts that are in no other cohort; exactly one cohort has it.", isTrue(), false},
	}},
	{name: "meter %q", says: "One figure made of many rows of a source.", oneOf: []string{"sum", "latest", "high_water", "count", "max", "last_of", "unique", "weighted", "active"},
		apart: map[string][]string{"latest": {"by", "events", "reset"}, "high_water": {"by", "events"},
			"unique": {"events"}, "weighted": {"events"}, "active": {"events"}}, keys: []formKey{
			{"source", "The source whose rows are counted. One of your own is declared in ratemill.yaml.", anyText(), true},
			{"sum", "A column: the figure is its sum over the rows.", anyText(), false},
			{"count", "A column: the figure is the number of rows that have it.", anyText(), false},
			{"max", "A column: the figure is its highest value.", anyText(), false},
			{"last_of", "A column: the figure is its value in the last row, by time.", anyText(), false},
			{"latest", "Columns: the figure is their total in the latest reading.", texts(), false},
			{"high_water", "The figure is the number of active users at the end of the day.", oneWord("active_users"), false},
			{"unique", "A column, the source's key or a dimension: the figure is the number of its different values.", anyText(), false},
			{"weighted", "A column of changes, up or down: the figure is the mean of the level that they make, by time.", anyText(), false},
			{"active", "The source's key: the figure is the number of keys that are on.", anyText(), false},
			{"action", "With active: the column that says what turns a key on and off; without it, every row turns its key on.", anyText(), false},
			{"measure", "With active: on when the period ends, on at any time of it, the most at once, or the mean by time.", oneWord(string(AtEnd), string(AnyTime), string(Highest), string(TimeWeighted)), false},
			{"holds", "With a mean by time: a change holds from its moment on, or from the beginning of its day.", oneWord("microseconds", "days"), false},
			{"by", "Usage: the columns that prices depend on.", texts(), false},
			{"events", "Usage: rows are summed up, or rated one by one in the order of their time, for prices of single events.", oneWord("summed", "one_by_one"), false},
			{"reset", "The figure starts at zero with each billing period; without it, never.", oneWord("period"), false},
			{"due", "Usage is charged on its service day, or the day after.", oneWord("same_day", "next_day"), false},
			ruleKey,
		}},
	{name: "version", says: "The whole policy from a day on.", keys: []formKey{
		{"from", "The first day.", aDate(), true},
		{"terms", "Billing periods, by name. The first is that of sign-ups that name none.", named(ref("term %q")), true},
		{"plans", "Plans, by name: what each has for all cohorts, and for single ones.", named(ref("plan %q")), true},
		{"add_ons", "What is sold on top of a plan, by name.", named(ref("add-on %q")), false},
		{"balances", "What an account has paid in advance, by name.", named(ref("balance %q")), false},
		{"usage_charges", "What usage costs, by the name of its meter.", named(ref("usage charge of %q")), false},
		{"price_tables", "Prices by columns, by name.", named(ref("price table %q")), false},
		{"services", "What is sold once, by the name that events have.", named(ref("service %q")), false},
		{"discounts", "What is taken off lines, in this order, by name.", named(ref("discount %q")), false},
		{"taxes", "What is charged on top of lines, or is contained in them.", ref("taxes"), false},
		{"proration", "How a part of a billing period is counted.", ref("proration"), false},
		{"plan_changes", "What a customer's wish for another plan does; without it, nothing.", ref("plan_changes"), false},
		{"billing_date_changes", "How far a customer may move the next billing date; without it, not at all.", ref("billing_date_changes"), false},
		{"store_removal", "Closes accounts that came through a store when the app is removed there.", ref("store_removal"), false},
		{"guarantee", "What an account gets back when it closes early enough.", ref("guarantee"), false},
		{"payments", "When a charge that failed is tried again; without it, never.", ref("payments"), false},
	}},
	{name: "term %q", says: "How long a billing period is, how often the base fee is charged, and what the term asks of an account.", oneOf: []string{"every", "base_every"}, apart: map[string][]string{"every": {"period"}}, keys: []formKey{
		{"every", "Billing period and base fee alike, once in so long.", aCycle(), false},
		{"base_every", "The base fee is charged once in so long, a whole number of periods.", aCycle(), false},
		{"period", "With base_every: a billing period; without it a month, or where base_every counts in days or weeks, as long as that.", aCycle(), false},
		{"base", "A factor times the plan's monthly base: 10 x monthly sells twelve months for ten. Required unless every plan has a price for each term.", pattern("^"+digits+" x monthly$", "1 x monthly", "10 x monthly"), false},
		{"charged", "The base fee: in advance, or when its time is over.", oneWord("in_advance", "in_arrears"), false},
		{"additions", "When seats and packages that are added within a period are charged.", ref("additions of term %q"), false},
		{"methods", "The payment methods that it takes; without it any.", texts(), false},
		{"from_account_day", "A change to the term is possible so many days after the sign-up.", schema{"type": "integer", "minimum": 1, "maximum": MaxWindowDays}, false},
		{"at_sign_up", "What a sign-up on the term needs.", ref("at_sign_up of term %q"), false},
		{"plan_changes", "What a change of plan on the term needs.", ref("plan_changes of term %q"), false},
		ruleKey,
	}},
	{name: "additions of term %q", says: "What is added within a period, seats and packages.", keys: []formKey{
		{"charged", "At once, or with the account's next invoice.", oneWord("at_once", "next_invoice"), true},
		ruleKey,
	}},
	{name: "at_sign_up of term %q", says: "What a sign-up on the term needs.", keys: []formKey{
		{"approval", "The event needs to be approved.", oneWord("needed"), true},
		{"offers", "Whether such a sign-up keeps its offers.", oneWord("kept", "dropped"), false},
	}},
	{name: "plan_changes of term %q", says: "What a change of plan on the term needs.", keys: []formKey{
		{"approval", "The event needs to be approved.", oneWord("needed"), true},
	}},
	{name: "plan %q", says: "What the plan has for all cohorts, and for single ones under their names; a cohort's key replaces the whole of the same key under all.", others: ref("%q of plan %q"), keys: []formKey{
		{"all", "What holds for every cohort.", ref("%q of plan %q"), false},
	}},
	{name: "%q of plan %q", says: "What a plan has; under the name of a meter, what it includes of it.", others: ref("the %q of plan %q"), keys: []formKey{
		{"base", "The base fee.", ref("base of plan %q"), false},
		{"seats", "The plan's users; without it each is refused.", ref("seats of plan %q"), false},
		{"sells", "Add-ons with renewal: subscribed that accounts may subscribe to.", texts(), false},
		{"minimum_term", "How long the plan is kept before it can be left for another.", ref("minimum_term of plan %q"), false},
		{"commitment", "The least and the most that a billing period comes to, over several charges.", ref("commitment of plan %q"), false},
		givesKey,
	}},
	{name: "base of plan %q", says: "The base fee.", keys: []formKey{
		{"price", "A month, times the factor of the term; or a price for each term. 0 makes no line.", prices(), true},
		taxCategoryKey, ruleKey,
	}},
	{name: "seats of plan %q", says: "The plan's users.", keys: []formKey{
		{"meter", "A high_water meter.", anyText(), true},
		{"included", "How many users the plan has without further charge.", whole(0), true},
		{"above", "refuse: further users are refused. {add: seat}: each is charged by this add-on.", either(oneWord("refuse"), ref("above of seats of plan %q")), true},
		ruleKey,
	}},
	{name: "above of seats of plan %q", says: "What further users cost.", keys: []formKey{
		{"add", "The add-on, which has line: seat.", anyText(), true},
	}},
	{name: "minimum_term of plan %q", says: "How long the plan is kept.", keys: []formKey{
		{"length", "From the first day under the plan on.", aCycle(), true},
		ruleKey,
	}},
	{name: "commitment of plan %q", says: "The least and the most that a billing period comes to.", some: []string{"least", "most"}, keys: []formKey{
		{"least", "What is missing to it when the period ends is charged.", amount(), false},
		{"most", "What is above it is taken off, as soon as it is reached.", amount(), false},
		{"of", "The kinds of lines that count; without it usage.", distinct(oneWord(committed...)), false},
		{"meters", "Only usage of these meters.", texts(), false},
		{"prorated", "Whether a period that closing cuts short has so many days' part of both.", oneWord("none", "days"), false},
		ruleKey,
	}},
	{name: "the %q of plan %q", says: "What the plan includes of a meter, and what happens above.", oneOf: []string{"limit", "unlimited"}, needs: map[string][]string{"limit": {"above"}}, keys: []formKey{
		{"limit", "What the plan includes; exceeding means strictly more.", whole(0), false},
		{"unlimited", "There is no limit.", isTrue(), false},
		{"above", "With limit: what happens then.", ref("above of %q of plan %q"), false},
		ruleKey,
	}},
	{name: "above of %q of plan %q", says: "What happens above a limit.", oneOf: []string{"upgrade", "add"}, keys: []formKey{
		{"upgrade", "The plan that the account climbs to, again and again until it fits.", anyText(), false},
		{"add", "The add-on, with line: package, of which so many are added.", anyText(), false},
	}},
	{name: "add-on %q", says: "A seat, a package that widens an allowance, or one that gives into balances.", oneOf: []string{"adds", "gives"},
		needs: map[string][]string{"adds": {"of"}, "of": {"adds"}}, keys: []formKey{
			{"line", "The kind of its invoice lines.", oneWord("seat", "package"), true},
			{"description", "The text of its lines.", anyText(), true},
			{"price", "For one, a billing period; or for each term.", prices(), true},
			{"adds", "How much one adds to the allowance; a seat adds 1.", whole(1), false},
			{"of", "The meter.", anyText(), false},
			{"renewal", "At the billing date: counted anew and charged; ended; or charged while the account subscribes to it.", oneWord(string(WhileNeeded), string(Never), string(Subscribed)), true},
			{"proration", "Bought within a period: charged in full, or for the part that remains.", oneWord("none", "days"), false},
			{"given_up", "Given up within a period: nothing, or the unused rest becomes credit.", oneWord("no_credit", "credit"), false},
			{"charged", "When its price is charged; there is no other way.", oneWord("in_advance"), false},
			{"in_trial", "Whether it costs something in a free trial.", oneWord("charged", "free"), false},
			givesKey, taxCategoryKey, ruleKey,
		}},
	{name: "balance %q", says: "What an account has in advance: money or units, bought or given.",
		needs: map[string][]string{"sold_as": {"description", "price"}, "description": {"sold_as"}, "price": {"sold_as"}}, keys: []formKey{
			{"unit", "What it counts; without it, it holds money.", anyText(), false},
			{"priority", "Which balance pays first where several can: the lowest number.", schema{"type": "integer", "minimum": 1, "maximum": maxPriority}, false},
			{"expires", "When it lapses; without it, never.", ref("expires of balance %q"), false},
			{"rollover", "What is carried where a period ends.", ref("rollover of balance %q"), false},
			{"sold_as", "Events of type credits_purchased with this service buy it.", anyText(), false},
			{"description", "With sold_as: the text of the lines that sell it.", anyText(), false},
			{"price", "With sold_as: what it costs.", ref("price of balance %q"), false},
			taxCategoryKey, ruleKey,
		}},
	{name: "expires of balance %q", says: "When a balance lapses.", oneOf: []string{"after", "at"}, keys: []formKey{
		{"after", "So long after the day of each grant, which is the first.", aCycle(), false},
		{"at", "When the billing period ends.", oneWord("period_end"), false},
	}},
	{name: "rollover of balance %q", says: "What of a period's balance is carried to the next.", keys: []formKey{
		{"at_least", "At least so much, which is given where less is left.", amount(), false},
		{"at_most", "At most so much.", amount(), true},
	}},
	{name: "%q in gives of %s", says: "What is put into a balance.", oneOf: []string{"units", "amount"}, keys: []formKey{
		{"units", "Whole units.", whole(1), false},
		{"amount", "Money.", amount(), false},
		{"when", "Of a plan: for each billing period, or once at sign-up.", oneWord("every_period", "sign_up"), false},
		{"offer", "Of a plan: only to accounts that have this offer.", anyText(), false},
		{"in_trial", "Of a plan: whether it is given in a free trial.", oneWord("given", "not_given"), false},
	}},
	{name: "price of balance %q", says: "What units cost that are bought in advance.", keys: []formKey{
		{"volume", "Tiers: all units of a purchase cost what the tier says that it reaches.", listOfAny(ref("tier of %s")), true},
	}},
	{name: "tier of %s", says: "A price for purchases up to a size.", keys: []formKey{
		{"up_to", "The last quantity of the tier; bounds ascend, and the last tier has none.", whole(1), false},
		{"each", "The price of one.", amount(), true},
	}},
	{name: "usage charge of %q", says: "What the usage of a meter costs.", keys: []formKey{
		{"description", "The text of its lines.", anyText(), true},
		{"price", "One price for every unit, a table, a column of the usage, or a pricing model.", ref("price of the usage charge of %q"), true},
		{"uses", "Balances that pay first, in this order: those of units, and then those of money.", texts(), false},
		{"minimum", "The least that is charged where the balances do not suffice.", ref("minimum of the usage charge of %q"), false},
		{"unit", "How counted units become billed ones.", schema{"$ref": "#/$defs/unit"}, false},
		{"charged", "On the day that the meter's due says, or in arrears on the billing date.", oneWord(string(Daily), string(PeriodEnd)), false},
		{"over", "What the price is a price of: each day's usage, the billing period's, or all since sign-up.", oneWord(string(OverDay), string(OverPeriod), string(OverLife)), false},
		{"per", "Columns of the meter's by whose values are counted each by itself.", texts(), false},
		{"lines", "One line, or with charged: period_end and a graduated price, one for each tier.", oneWord("one", "per_tier"), false},
		{"spend", "What the charge comes to over a billing period, at least and at most.", ref("spend of %s"), false},
		taxCategoryKey, ruleKey,
	}},
	{name: "price of the usage charge of %q", says: "Where the price is found, or the model that makes it.", oneOf: priceKeys(), keys: slices.Concat([]formKey{
		{"each", "One price for every unit.", amount(), false},
		{"table", "A price table.", anyText(), false},
		{"column", "A column of the usage that has the price of one unit; it stands in by of the meter.", anyText(), false},
	}, modelKeys())},
	{name: "minimum of the usage charge of %q", says: "The least that is charged.", keys: []formKey{
		{"charge", "Above zero, in whole minor units of the currency.", amount(), true},
		{"rest_to", "The balance of money, one of uses, that keeps what was charged beyond the usage.", anyText(), true},
	}},
	{name: "spend of %s", says: "What a charge comes to over a billing period.", some: []string{"least", "most"}, keys: []formKey{
		{"least", "What is missing to it when the period ends is charged.", amount(), false},
		{"most", "What is above it is taken off.", amount(), false},
		{"prorated", "Whether a period that closing cuts short has so many days' part of both.", oneWord("none", "days"), false},
	}},
	{name: "price table %q", says: "A price by columns: the row that names most of them wins.", keys: []formKey{
		{"columns", "Columns of the usage; each stands in by of every meter that is priced by the table.", withMost(texts(), maxColumns), true},
		{"rows", "The prices.", listOfAny(ref("row of price table %q")), true},
		ruleKey,
	}},
	{name: "row of price table %q", says: "A price for some values.", oneOf: pricing.Names(), keys: slices.Concat([]formKey{
		{"match", `A value for each column, compared letter for letter; "*" fits any.`, withMost(listOfAny(anyText()), maxColumns), true},
		{"each", "The price of one unit.", amount(), false},
	}, modelKeys())},
	{name: "service %q", says: "Something sold once, charged the day it is used.", keys: []formKey{
		{"description", "The text of its lines.", anyText(), true},
		{"each", "The price of one.", amount(), true},
		{"free", "Units without charge.", ref("free of service %q"), false},
		taxCategoryKey, ruleKey,
	}},
	{name: "free of service %q", says: "Units without charge.", keys: []formKey{
		{"units", "How many are free altogether.", whole(1), true},
		{"first", "In the account's first so many days.", someDays("90 days"), true},
		{"not_on", "Plans without free units.", texts(), false},
	}},
	{name: "discount %q", says: "Taken off lines of accounts that have it.", oneOf: []string{"percent", "amount"}, keys: []formKey{
		{"description", "The text of its lines.", anyText(), true},
		{"percent", "Of each line, rounded there.", aPercent(), false},
		{"amount", "A sum of money, in each billing period or with for: once altogether, spread over the lines.", amount(), false},
		{"on", "The kinds of lines.", distinct(oneWord(PaidLines...)), true},
		{"meters", "Only lines of these meters.", texts(), false},
		{"plans", "Only while the account is on one of these plans.", texts(), false},
		{"for", "How long; without it forever.", either(oneWord("forever", "once"), pattern(periodCount.String(), "3 periods")), false},
		ruleKey,
	}},
	{name: "taxes", says: "Taxes by where the customer is and what is sold.", keys: []formKey{
		{"prices", "Taxes are added to prices, or contained in them.", oneWord("exclusive", "inclusive"), false},
		{"rounded", "Once for all that a rate is on, or line by line.", oneWord("per_invoice", "per_line"), false},
		{"without_address", "Accounts without a country: untaxed, or taxed as if they were at a place.", either(oneWord("untaxed"), ref("without_address")), false},
		{"reverse_charge", "Countries in which customers with a tax id owe the tax themselves.", distinct(aCountry()), false},
		{"rates", "The rates: of each tax, the one that names most holds.", listOfAny(ref("tax rate")), true},
	}},
	{name: "without_address", says: "Where accounts without a country are taxed.", keys: []formKey{
		{"country", "ISO 3166, two capitals.", aCountry(), true},
		{"region", "A state or province.", anyText(), false},
	}},
	{name: "tax rate", says: "What a tax takes of a category of goods in a country or region.", keys: []formKey{
		{"tax", "Its name.", anyText(), true},
		{"country", "ISO 3166, two capitals.", aCountry(), true},
		{"region", "A state or province, as the accounts source writes it; without it, all of the country.", anyText(), false},
		{"category", "What has this tax_category; without it, everything.", anyText(), false},
		{"rate", "0% makes no line.", aRate(), true},
		ruleKey,
	}},
	{name: "proration", says: "How a part of a billing period is counted.", keys: []formKey{
		{"count", "Whole days, or seconds from the instant of the change.", oneWord("days", "seconds"), false},
		{"month", "With count: days, what a month counts as: the days that it has, or 28 to 31 days.", either(oneWord("actual"), pattern("^(28|29|30|31) days$", "30 days")), false},
		{"change_day", "With count: days, the day of a change belongs to the new state or to the old one.", oneWord("new", "old"), false},
	}},
	{name: "plan_changes", says: "What a customer's wish for another plan does.", keys: []formKey{
		{"order", "Plans from the smallest to the largest: a change towards the end is an upgrade.", texts(), true},
		{"upgrade", "How an upgrade takes effect.", ref("%s of plan_changes"), true},
		{"downgrade", "How a downgrade takes effect.", ref("%s of plan_changes"), true},
		{"exceptions", "Changes from a plan to another that take effect otherwise.", listOfAny(ref("exception of plan_changes")), false},
	}},
	{name: "%s of plan_changes", says: "How a change of plan takes effect.", keys: moveKeys()},
	{name: "exception of plan_changes", says: "How a change from one plan to another takes effect.", keys: append([]formKey{
		{"from", "The plan that is left.", anyText(), true},
		{"to", "The plan that is entered.", anyText(), true},
	}, moveKeys(AtOnce)...)},
	{name: "billing_date_changes", says: "How far a customer may move the next billing date.", keys: []formKey{
		{"free_within", "So many days either way, once a period.", someDays("3 days"), true},
		{"beyond", "More, or more often.", oneWord("approval_needed"), false},
		ruleKey,
	}},
	{name: "store_removal", says: "Closes accounts when the app is removed in a store.", keys: []formKey{
		{"channels", "What channel of the sign-up was.", texts(), true},
		ruleKey,
	}},
	{name: "guarantee", says: "What an account gets back when it closes early enough and asks for it.", keys: []formKey{
		{"offer", "The offer that must be on the account, from its sign-up.", anyText(), true},
		{"within", "Closed so many days after the first base fee at the latest.", someDays("90 days"), true},
		{"refund", "What is given back.", ref("refund of the guarantee"), true},
		{"not_for", "Whom it is not for.", ref("not_for of the guarantee"), false},
		ruleKey,
	}},
	{name: "refund of the guarantee", says: "What is given back.", keys: []formKey{
		{"percent", "Of what was paid.", aPercent(), true},
		{"of", "The kinds of lines.", distinct(oneWord(PaidLines...)), true},
	}},
	{name: "not_for of the guarantee", says: "Whom the guarantee is not for.", keys: []formKey{
		{"terms", "Accounts on one of these terms.", texts(), false},
		{"plans", "Accounts on one of these plans.", texts(), false},
		{"accounts", "Kinds of accounts.", distinct(oneWord(WithTrial, EverSuspended, BillingDelayed)), false},
	}},
	{name: "payments", says: "When a charge that failed is tried again.", keys: []formKey{
		{"retry_after", "Days after the first failure, ascending.", listOfAny(someDays("3 days")), true},
		ruleKey,
	}},
}

var (
	ruleKey        = formKey{"rule", "The id of the rule of your billing policy, such as MK-9; it stands on every line that this makes.", anyText(), true}
	givesKey       = formKey{"gives", "What is put into balances, by their names.", named(ref("%q in gives of %s")), false}
	taxCategoryKey = formKey{"tax_category", "What it is for taxes; rates name the categories.", anyText(), false}
)

// moveKeys are the keys of a way to change plans, with further times at which
// the price can begin.
func moveKeys(further ...When) []formKey {
	begins := []string{string(NextBillingDate), string(Prorated)}
	for _, w := range further {
		begins = append(begins, string(w))
	}
	return []formKey{
		{"allowances", "When the new plan's limits and seats begin.", oneWord(string(AtOnce), string(NextBillingDate)), true},
		{"price", "When the new plan's base fee begins.", oneWord(begins...), true},
		{"difference", "With price: prorated, when what is to pay is invoiced.", oneWord("at_once", "next_invoice"), false},
		{"must_fit", "Refused where levels or users are beyond the new plan.", isTrue(), false},
		ruleKey,
	}
}

func withMost(list schema, most int) schema {
	list["maxItems"] = most
	return list
}
