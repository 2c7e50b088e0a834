package catalog

// Proration is how a part of a billing period is counted (rule G-5).
type Proration struct {
	Seconds   bool // from the instant of the change to the end of the period; else whole days
	MonthDays int  // days that every month counts as; 0: as many as it has
	ToOld     bool // the day of a change belongs to the old state; else to the new one
}

// isDefault tells whether the catalog need not say it.
func (p Proration) isDefault() bool { return p == Proration{} }

func (p *problems) proration(n *node) Proration {
	var r Proration
	if n == nil {
		return r
	}
	f := p.fields(n, "proration")
	count, month, change := f.optional("count"), f.optional("month"), f.optional("change_day")
	r.Seconds = p.word(count, "count", "days", "seconds") == "seconds"
	if month != nil && month.text != "actual" {
		r.MonthDays = p.days(month, "month")
		if r.MonthDays != 0 && (r.MonthDays < 28 || r.MonthDays > 31) {
			p.add(month.place, "month is %d days; it may count as 28 to 31, or as \"actual\"", r.MonthDays)
		}
	}
	r.ToOld = p.word(change, "change_day", "new", "old") == "old"
	f.done()
	if r.Seconds && r.MonthDays != 0 {
		p.add(month.place, "month needs count: days; seconds are those that the period has")
	}
	if r.Seconds && r.ToOld {
		p.add(change.place, "change_day needs count: days; with seconds, the instant of a change divides its day")
	}
	return r
}

func (r Proration) print(w *printer) {
	if r.isDefault() {
		return
	}
	var o inline
	if r.Seconds {
		o.add("count", "seconds")
	}
	if r.MonthDays != 0 {
		o.add("month", durationText(r.MonthDays, "day"))
	}
	if r.ToOld {
		o.add("change_day", "old")
	}
	w.line(1, "proration: %s", o.object())
}
