package catalog

import (
	"regexp"
	"strconv"

	"ratemill/rating/calendar"
)

// Cycle is a length of time: so many days, or so many months that keep their
// day of the month. Exactly one of the two is set; both are zero in none.
type Cycle struct{ Days, Months int }

// Next is the day one cycle after another. Months keep the anchor, 1 to 31, as
// the day of the month (rule MK-1); days are counted (rule G-2).
func (c Cycle) Next(day calendar.Day, anchor int) calendar.Day {
	if c.Months > 0 {
		return day.AddMonths(c.Months, anchor)
	}
	return day + calendar.Day(c.Days)
}

// String is the cycle as a catalog has it: "30 days", "12 months".
func (c Cycle) String() string {
	if c.Months > 0 {
		return durationText(c.Months, "month")
	}
	return durationText(c.Days, "day")
}

// holds tells whether so many whole cycles of the other make up this one.
func (c Cycle) holds(other Cycle) bool {
	switch {
	case c.Months > 0 && other.Months > 0:
		return c.Months%other.Months == 0
	case c.Days > 0 && other.Days > 0:
		return c.Days%other.Days == 0
	}
	return false
}

// Times is how many whole cycles of the other make up this one.
func (c Cycle) Times(other Cycle) int {
	if c.Months > 0 {
		return c.Months / other.Months
	}
	return c.Days / other.Days
}

// cycleUnits are the words for a cycle: days and weeks are days, the others
// months.
var cycleUnits = map[string]Cycle{
	"day": {Days: 1}, "week": {Days: 7}, "month": {Months: 1}, "quarter": {Months: 3}, "year": {Months: 12},
}

var cycleText = regexp.MustCompile(`^([1-9][0-9]{0,3}) (day|week|month|quarter|year)s?$`)

// cycle is a length of time such as "30 days", "1 month" or "2 years".
func (p *problems) cycle(n *node, what string) Cycle {
	if n == nil {
		return Cycle{}
	}
	m := cycleText.FindStringSubmatch(n.text)
	if m == nil || n.kind != plain {
		p.add(n.place, "%s is %s where a length of time such as \"30 days\", \"1 month\" or \"1 year\" is wanted", what, n.shown())
		return Cycle{}
	}
	count, _ := strconv.Atoi(m[1]) // at most four digits
	unit := cycleUnits[m[2]]
	return Cycle{Days: count * unit.Days, Months: count * unit.Months}
}
