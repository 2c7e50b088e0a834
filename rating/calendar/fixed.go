package calendar

// FixedDays counts the days from one day to another as if every month had so
// many: walked back from the end by whole months that keep the anchor as their
// day of the month, and the rest by days, of which a month that ends among
// them has the fixed number.
func FixedDays(from, to Day, anchor, month int) int {
	months := 0
	for to.AddMonths(-months-1, anchor) >= from {
		months++
	}
	rest := to
	if months > 0 {
		rest = to.AddMonths(-months, anchor)
	}
	y, m, _ := from.Civil()
	ry, rm, _ := rest.Civil()
	days := int(rest - from)
	if y != ry || m != rm {
		days -= int(Date(y, m+1, 1)-Date(y, m, 1)) - month
	}
	return months*month + max(days, 0)
}
