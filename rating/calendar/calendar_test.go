package calendar

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func day(t *testing.T, text string) Day {
	t.Helper()
	d, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func zone(t *testing.T, name string) Zone {
	t.Helper()
	z, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestAddMonthsKeepsTheAnchor(t *testing.T) {
	for _, c := range []struct {
		start  string
		anchor int
		want   []string
	}{
		{"2024-01-31", 31, []string{"2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"}},
		{"2023-01-31", 31, []string{"2023-02-28", "2023-03-31"}},
		{"2023-01-30", 30, []string{"2023-02-28", "2023-03-30"}},
		{"2023-11-30", 30, []string{"2023-12-30", "2024-01-30", "2024-02-29"}},
		{"2100-01-29", 29, []string{"2100-02-28", "2100-03-29"}}, // 2100 is no leap year
		{"2000-01-29", 29, []string{"2000-02-29"}},               // 2000 is one
		{"2024-12-15", 15, []string{"2025-01-15"}},
	} {
		d := day(t, c.start)
		for i, want := range c.want {
			if d = d.AddMonths(1, c.anchor); d.String() != want {
				t.Errorf("%s + %d months with anchor %d: %s, want %s", c.start, i+1, c.anchor, d, want)
			}
			if at := day(t, c.start).AddMonths(i+1, c.anchor); at != d {
				t.Errorf("%s + %d months at once: %s, month by month %s", c.start, i+1, at, d)
			}
		}
	}
	if got := day(t, "2024-02-29").AddMonths(12, 29).String(); got != "2025-02-28" {
		t.Errorf("a year after 2024-02-29: %s", got)
	}
}

// Whole days after a day: rule G-2's 10 January 2024 + 90 is 9 April.
func TestDaysAfter(t *testing.T) {
	if got := (day(t, "2024-01-10") + 90).String(); got != "2024-04-09" {
		t.Errorf("2024-01-10 + 90: %s", got)
	}
	if got := (day(t, "2023-01-10") + 90).String(); got != "2023-04-10" {
		t.Errorf("2023-01-10 + 90: %s", got)
	}
}

func TestParse(t *testing.T) {
	for _, text := range []string{"2018-01-01", "2024-02-29", "1969-12-31", "0001-01-01", "9999-12-31"} {
		if got := day(t, text).String(); got != text {
			t.Errorf("%s reads as %s", text, got)
		}
	}
	for _, text := range []string{
		"", "2023-02-29", "2024-13-01", "2024-00-10", "2024-1-01", "2024-01-1", "24-01-01", "2024/01/01", "01-02-2024",
		" 2024-01-01", "2024-01-01 ", "2024-01-01T00:00:00Z", "20240101", "2024-04-31", "+2024-01-01", "1970-01-01",
	} {
		if d, err := Parse(text); err == nil {
			t.Errorf("%q reads as %s", text, d)
		}
	}
	if None.String() != "" {
		t.Errorf("None is written %q", None)
	}
}

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"", "Local", "America/Nowhere", "PST8", "../UTC"} {
		if _, err := LoadZone(name); err == nil {
			t.Errorf("LoadZone(%q) has no error", name)
		}
	}
}

const hour = int64(time.Hour / time.Microsecond)

func TestDaysOfADaylightSavingChange(t *testing.T) {
	la := zone(t, "America/Los_Angeles")
	for text, hours := range map[string]int64{"2024-03-09": 24, "2024-03-10": 23, "2024-11-02": 24, "2024-11-03": 25} {
		d := day(t, text)
		if got := la.Midnight(d+1) - la.Midnight(d); got != hours*hour {
			t.Errorf("%s has %d hours, want %d", text, got/hour, hours)
		}
	}
}

// The hour that comes twice, and the edges of a day that is not UTC's.
func TestDayOf(t *testing.T) {
	la := zone(t, "America/Los_Angeles")
	for instant, want := range map[string]string{
		"2024-05-01T06:59:59.999999Z": "2024-04-30",
		"2024-05-01T07:00:00Z":        "2024-05-01",
		"2024-05-02T06:59:59.999999Z": "2024-05-01",
		"2024-11-03T08:30:00Z":        "2024-11-03", // 1:30 in summer time
		"2024-11-03T09:30:00Z":        "2024-11-03", // 1:30 again
		"2024-11-04T07:59:59Z":        "2024-11-03",
		"1969-12-31T07:59:59.999999Z": "1969-12-30",
	} {
		at, err := time.Parse(time.RFC3339Nano, instant)
		if err != nil {
			t.Fatal(err)
		}
		if got := la.DayOf(at.UnixMicro()); got != day(t, want) {
			t.Errorf("%s is on %s, want %s", instant, got, want)
		}
	}
	if got := (Zone{}).DayOf(0); got != None {
		t.Errorf("the zero Zone is not UTC: %s", got)
	}
}

// Midnight where it does not exist, comes twice, or the whole day is missing.
func TestOddMidnights(t *testing.T) {
	for _, c := range []struct{ zone, day, want string }{
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"}, // 00:00 is skipped: begins at 01:00 -02
		{"Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z"},       // likewise, 01:00 +03
		{"Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"},      // likewise
		{"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"},    // twice: the first one, -04
		{"Asia/Amman", "2021-10-29", "2021-10-28T21:00:00Z"},        // twice: the first one, +03
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},      // no such day: no time at all
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
	} {
		got := time.UnixMicro(zone(t, c.zone).Midnight(day(t, c.day))).UTC().Format(time.RFC3339)
		if got != c.want {
			t.Errorf("%s in %s begins at %s, want %s", c.day, c.zone, got, c.want)
		}
	}
}

// A day is what lies between two midnights, in every zone. (Zones that went
// back over midnight itself, as St. John's did at 00:01 until 2011, have had
// days in two pieces; none has since.)
func TestMidnightAgreesWithDayOf(t *testing.T) {
	names := []string{
		"UTC", "America/Los_Angeles", "America/Sao_Paulo", "America/Havana", "America/Santiago", "America/St_Johns", "Asia/Beirut",
		"Asia/Amman", "Asia/Gaza", "Asia/Tehran", "Asia/Kathmandu", "Africa/Cairo", "Africa/Casablanca", "Atlantic/Azores",
		"Australia/Lord_Howe", "Europe/London", "Pacific/Chatham", "Pacific/Kiritimati",
	}
	for _, name := range names {
		z := zone(t, name)
		for d := day(t, "2012-01-01"); d < day(t, "2027-01-01"); d++ {
			m := z.Midnight(d)
			if z.DayOf(m) != d || z.DayOf(m-1) != d-1 {
				t.Errorf("%s: %s begins at %s, which is on %s, after %s", name, d, time.UnixMicro(m).UTC(), z.DayOf(m), z.DayOf(m-1))
			}
		}
	}
}

func TestAddMonthsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := Day(rapid.IntRange(1, 60000).Draw(t, "day"))
		n := rapid.IntRange(-30, 30).Draw(t, "months")
		anchor := rapid.IntRange(1, 31).Draw(t, "anchor")
		got := d.AddMonths(n, anchor)
		y, m, dom := got.Civil()
		fromYear, fromMonth, _ := d.Civil()
		if months := (y-fromYear)*12 + int(m-fromMonth); months != n {
			t.Fatalf("%s + %d months is %s, %d months on", d, n, got, months)
		}
		if _, _, next := (got + 1).Civil(); dom != anchor && (dom > anchor || next != 1) {
			t.Fatalf("%s + %d months with anchor %d is %s", d, n, anchor, got)
		}
	})
}

// Months of a fixed length: a whole month is one, wherever it begins and ends,
// and parts of a cycle add up to it.
func TestFixedDays(t *testing.T) {
	for _, c := range []struct {
		from, to            string
		anchor, month, want int
	}{
		{"2023-05-23", "2023-06-15", 15, 30, 22},
		{"2024-02-23", "2024-03-15", 15, 30, 22},
		{"2023-05-23", "2023-06-15", 15, 28, 20},
		{"2024-01-31", "2024-02-29", 31, 30, 30},
		{"2024-02-29", "2024-03-31", 31, 30, 30},
		{"2024-01-01", "2025-01-01", 1, 30, 360},
		{"2024-07-01", "2025-01-01", 1, 30, 180},
		{"2024-05-31", "2024-06-01", 1, 30, 0},
		{"2024-05-30", "2024-06-01", 1, 28, 0},
		{"2024-05-30", "2024-05-30", 30, 30, 0},
	} {
		from, _ := Parse(c.from)
		to, _ := Parse(c.to)
		if got := FixedDays(from, to, c.anchor, c.month); got != c.want {
			t.Errorf("from %s to %s, anchor %d, months of %d: %d, want %d", c.from, c.to, c.anchor, c.month, got, c.want)
		}
	}
}
