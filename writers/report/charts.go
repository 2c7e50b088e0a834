package report

import (
	"fmt"

	"ratemill/rating/calendar"
	"ratemill/rating/decimal"
)

// Charts stretch over the width there is: what lies across is in per cent of
// it, what lies down in pixels, and text keeps its size.

// bars are figures by name, one below the other.
type bars struct {
	ID, Title, Desc string
	Height          int
	Zero            string // where the figures are 0, in per cent, a stroke through each bar; empty: at the left
	Rows            []bar
}

type bar struct {
	Label, Value   string
	TextY, BarY    int
	X, Width       string // per cent
	Mark           string // where the figure was before; empty: nowhere
	MarkY1, MarkY2 int
	Class          string // of the bar
	X2, Width2     string // of a second part behind the first; empty: none
}

const (
	barPitch  = 40 // pixels from bar to bar
	barHeight = 12
)

// datum is what a bar shows.
type datum struct {
	label, value string
	now          decimal.Decimal
	before       decimal.Decimal
	more         decimal.Decimal // a second part
	muted        bool
}

func newBars(id, title, desc string, data []datum, compared bool) *bars {
	if len(data) == 0 {
		return nil
	}
	b := &bars{ID: id, Title: title, Desc: desc, Height: len(data) * barPitch}
	low, high := decimal.Zero, decimal.Zero
	for _, d := range data {
		for _, v := range []decimal.Decimal{d.now, d.now.Add(d.more)} {
			low, high = decimal.Min(low, v), decimal.Max(high, v)
		}
		if compared {
			low, high = decimal.Min(low, d.before), decimal.Max(high, d.before)
		}
	}
	at := scale{low, high}
	if low.Sign() < 0 {
		b.Zero = at.percent(decimal.Zero)
	}
	for i, d := range data {
		y := i * barPitch
		r := bar{Label: clipped(d.label), Value: d.value, TextY: y + 14, BarY: y + 20, Class: "bar", MarkY1: y + 17, MarkY2: y + 20 + barHeight + 3}
		if d.now.Sign() < 0 {
			r.Class = "bar down"
		}
		if d.muted {
			r.Class = "bar rest"
		}
		r.X, r.Width = at.stretch(decimal.Zero, d.now)
		if !d.more.IsZero() {
			r.X2, r.Width2 = at.stretch(d.now, d.now.Add(d.more))
		}
		if compared {
			r.Mark = at.percent(d.before)
		}
		b.Rows = append(b.Rows, r)
	}
	return b
}

// scale places figures between a lowest and a highest one.
type scale struct{ low, high decimal.Decimal }

// place is where a figure lies, in hundredths of a per cent.
func (s scale) place(v decimal.Decimal) int64 {
	width := s.high.Sub(s.low)
	if width.IsZero() {
		return 0
	}
	return v.Sub(s.low).Shift(4).DivRound(width, 0).IntPart()
}

func (s scale) percent(v decimal.Decimal) string { return hundredths(s.place(v)) }

// stretch is what lies between two figures. What is not 0 is seen.
func (s scale) stretch(a, b decimal.Decimal) (x, width string) {
	from, to := s.place(decimal.Min(a, b)), s.place(decimal.Max(a, b))
	if from == to && !a.Equal(b) {
		to += 15
	}
	return hundredths(from), hundredths(to - from)
}

func hundredths(n int64) string { return fmt.Sprintf("%d.%02d%%", n/100, n%100) }

// columns are amounts by day, or by month where there are many days.
type columns struct {
	ID, Title, Desc string
	Height, Base    int
	Columns         []column
	Lines           []gridLine
	Ticks           []tick
}

type column struct {
	X, Width  string
	Y, Height int
	Class     string
	Title     string
}

type gridLine struct {
	Y     int
	Label string
	Zero  bool
}

type tick struct {
	X, Anchor, Label string
	Y                int
}

// columnData is what a column shows.
type columnData struct {
	label, short string
	amount       decimal.Decimal
	muted        bool
}

const (
	columnsTop    = 10  // pixels above the highest column
	columnsHeight = 170 // of the plot
	mostColumns   = 100
)

func newColumns(id, title, desc string, minor int32, data []columnData) *columns {
	if len(data) == 0 {
		return nil
	}
	low, high := decimal.Zero, decimal.Zero
	for _, d := range data {
		low, high = decimal.Min(low, d.amount), decimal.Max(high, d.amount)
	}
	step := niceStep(high.Sub(low))
	low, high = steps(low, step), steps(high, step)
	y := func(v decimal.Decimal) int {
		if high.Equal(low) {
			return columnsTop + columnsHeight
		}
		return columnsTop + int(high.Sub(v).Mul(decimal.NewFromInt(columnsHeight)).DivRound(high.Sub(low), 0).IntPart())
	}
	c := &columns{ID: id, Title: title, Desc: desc, Height: columnsTop + columnsHeight + 26, Base: y(decimal.Zero)}
	for v := low; v.LessThanOrEqual(high); v = v.Add(step) {
		c.Lines = append(c.Lines, gridLine{Y: y(v), Label: compact(v), Zero: v.IsZero()})
	}
	slot := 10000 / int64(len(data))
	slot = min(slot, 900)
	for i, d := range data {
		x := int64(i) * slot
		k := column{X: hundredths(x + slot/8), Width: hundredths(slot * 3 / 4), Class: "bar", Title: d.label + ": " + figure(d.amount, minor)}
		if d.muted {
			k.Class = "bar rest"
		}
		top, bottom := y(decimal.Max(d.amount, decimal.Zero)), y(decimal.Min(d.amount, decimal.Zero))
		if top == bottom && !d.amount.IsZero() {
			top--
		}
		k.Y, k.Height = top, bottom-top
		c.Columns = append(c.Columns, k)
	}
	c.ticks(data, slot)
	return c
}

// ticks name five columns or so, counted from the last.
func (c *columns) ticks(data []columnData, slot int64) {
	every := (len(data) + 4) / 5
	if int64(len(data))*slot < 5000 { // few columns at the left
		every = (len(data) + 2) / 3
	}
	for i := len(data) - 1; i >= 0; i -= every {
		t := tick{X: hundredths(int64(i)*slot + slot/2), Anchor: "middle", Label: data[i].short, Y: c.Height - 6}
		if i == len(data)-1 && int64(len(data))*slot > 9000 {
			t.X, t.Anchor = hundredths(int64(i+1)*slot-slot/8), "end"
		}
		if i*2 < every && i == 0 {
			t.X, t.Anchor = hundredths(slot/8), "start"
		}
		c.Ticks = append(c.Ticks, t)
	}
}

// niceStep is 1, 2 or 5 times a power of ten, such that four steps or so make
// the range.
func niceStep(width decimal.Decimal) decimal.Decimal {
	if width.Sign() <= 0 {
		return decimal.NewFromInt(1)
	}
	digits := int32(len(width.Coefficient().String())) + width.Exponent()
	for e := digits - 3; ; e++ {
		for _, m := range []int64{1, 2, 5} {
			if step := decimal.New(m, e); width.LessThanOrEqual(step.Mul(decimal.NewFromInt(4))) {
				return step
			}
		}
	}
}

// addToMonth adds a day to the column of its month, or begins one.
func addToMonth(all []columnData, d calendar.Day, amount decimal.Decimal, muted bool) []columnData {
	y, m, _ := d.Civil()
	label := fmt.Sprintf("%s %d", m, y)
	if n := len(all); n > 0 && all[n-1].label == label {
		all[n-1].amount = all[n-1].amount.Add(amount)
		return all
	}
	return append(all, columnData{label: label, short: fmt.Sprintf("%s\u00a0%02d", m.String()[:3], y%100), amount: amount, muted: muted})
}

// spark is a line of figures without any text, 100 wide and 24 high.
func spark(values []decimal.Decimal) string {
	if len(values) < 3 {
		return ""
	}
	if len(values) > 4*mostColumns {
		values = values[len(values)-4*mostColumns:]
	}
	high := decimal.Zero
	for _, v := range values {
		high = decimal.Max(high, v)
	}
	s := scale{decimal.Zero, high}
	points := ""
	for i, v := range values {
		x := int64(i) * 10000 / int64(len(values)-1)
		y := 2200 - s.place(decimal.Max(v, decimal.Zero))*20/100
		points += fmt.Sprintf("%d.%02d,%d.%02d ", x/100, x%100, y/100, y%100)
	}
	return points[:len(points)-1]
}

// steps is the next multiple of a step at or beyond a figure, away from 0.
func steps(v, step decimal.Decimal) decimal.Decimal {
	n, rest := v.QuoRem(step, 0)
	if !rest.IsZero() {
		n = n.Add(decimal.NewFromInt(int64(v.Sign())))
	}
	return n.Mul(step)
}
