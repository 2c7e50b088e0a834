package readers

import (
	"strings"
	"testing"
	"time"

	"ratemill/rating/calendar"
)

func TestTimeForms(t *testing.T) {
	for _, test := range []struct {
		form TimeForm
		text string
		want string
	}{
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 +0000", "2010-08-31T20:36:28Z"},
		{RFC2822, "31 Aug 2010 20:36:28 -0730", "2010-09-01T04:06:28Z"},
		{RFC2822, "Tue, 31 Aug 2010 20:36 GMT", "2010-08-31T20:36:00Z"},
		{RFC2822, "tue,31 AUG 2010  20:36:28 UT", "2010-08-31T20:36:28Z"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 EST", "2010-09-01T01:36:28Z"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 EDT", "2010-09-01T00:36:28Z"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 PST", "2010-09-01T04:36:28Z"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 +0000 (UTC)", "2010-08-31T20:36:28Z"},
		{RFC2822, "1 Feb 98 00:00:00 Z", "1998-02-01T00:00:00Z"},
		{RFC2822, "01 Feb 26 00:00:00 -0000", "2026-02-01T00:00:00Z"},
		{RFC2822, "1 Jul 2026 12:00:00", "2026-07-01T19:00:00Z"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 CET", "not_a_time"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 A", "not_a_time"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 +000", "not_a_time"},
		{RFC2822, "Tue, 31 Aug 2010 20:36:28 +0000 (UTC", "not_a_time"},
		{RFC2822, "Mon, 31 Aug 2010 20:36:28 +0000", "not_a_time"},
		{RFC2822, "Tuesday, 31 Aug 2010 20:36:28 +0000", "not_a_time"},
		{RFC2822, "Tue 31 Aug 2010 20:36:28 +0000", "not_a_time"},
		{RFC2822, "31 August 2010 20:36:28 +0000", "not_a_time"},
		{RFC2822, "31 Feb 2010 20:36:28 +0000", "not_a_time"},
		{RFC2822, "31 Aug 010 20:36:28 +0000", "not_a_time"},
		{RFC2822, "31 Aug 2010 24:00:00 +0000", "not_a_time"},
		{RFC2822, "31 Aug 2010", "not_a_time"},
		{RFC2822, "2010-08-31T20:36:28Z", "not_a_time"},

		{EpochS, "1534109600", "2018-08-12T21:33:20Z"},
		{EpochS, "1534109600.089676", "2018-08-12T21:33:20.089676Z"},
		{EpochS, "1534109600.0896769", "2018-08-12T21:33:20.089676Z"},
		{EpochS, "1.534109600089676e9", "2018-08-12T21:33:20.089676Z"},
		{EpochS, "0", "1970-01-01T00:00:00Z"},
		{EpochS, "-1", "1969-12-31T23:59:59Z"},
		{EpochS, "-0.0000001", "1969-12-31T23:59:59.999999Z"},
		{EpochS, "1534109600089", "not_a_time"}, // the year 50584
		{EpochS, "9999999999999999999", "not_a_time"},
		{EpochS, "1e999999999", "not_a_time"},
		{EpochS, "2018-08-12", "not_a_time"},
		{EpochS, "+1534109600", "not_a_time"},
		{EpochMs, "1534109600089", "2018-08-12T21:33:20.089Z"},
		{EpochMs, "1534109600089.6769", "2018-08-12T21:33:20.089676Z"},
		{EpochUs, "1534109600089676", "2018-08-12T21:33:20.089676Z"},
		{EpochUs, "1534109600089676.9", "2018-08-12T21:33:20.089676Z"},
		{EpochNs, "1534109600089676999", "2018-08-12T21:33:20.089676Z"},
		{EpochNs, "-1", "1969-12-31T23:59:59.999999Z"},
		{EpochUs, "-18446744073709551615.5", "not_a_time"}, // not 1970
		{EpochUs, "-18446744073709551616.5", "not_a_time"},
		{EpochNs, "15341096000896769990", "2456-02-20T23:33:20.896769Z"},
		{EpochAuto, "1534109600", "2018-08-12T21:33:20Z"},
		{EpochAuto, "1534109600.089676", "2018-08-12T21:33:20.089676Z"},
		{EpochAuto, "1.534109600089676e9", "2018-08-12T21:33:20.089676Z"},
		{EpochAuto, "1534109600089", "2018-08-12T21:33:20.089Z"},
		{EpochAuto, "1534109600089676", "2018-08-12T21:33:20.089676Z"},
		{EpochAuto, "1534109600089676999", "2018-08-12T21:33:20.089676Z"},
		{EpochAuto, "153410960008", "not_a_time"},
		{EpochAuto, "0", "not_a_time"},
		{EpochAuto, "9999999999999999999", "2286-11-20T17:46:39.999999Z"},

		{"DD/MM/YYYY HH:mm", "31/08/2010 20:36", "2010-09-01T03:36:00Z"},
		{"DD/MM/YYYY HH:mm", "1/8/2010 7:36", "2010-08-01T14:36:00Z"},
		{"DD/MM/YYYY HH:mm", "1/8/2010 7:6", "not_a_time"},
		{"DD/MM/YYYY HH:mm", "1/8/10 7:36", "not_a_time"},
		{"DD/MM/YYYY HH:mm", "001/8/2010 7:36", "not_a_time"},
		{"DD/MM/YYYY HH:mm", "13/13/2010 07:36", "not_a_time"},
		{"DD/MM/YYYY HH:mm", "31/08/2010 20:36:00", "not_a_time"},
		{"DD/MM/YYYY HH:mm", "31/08/2010 24:00", "not_a_time"},
		{"DD/MM/YYYY HH:mm", "", "not_a_time"},
		{"MM/DD/YYYY HH:mm:ss AM", "12/31/2010 12:00:01 AM", "2010-12-31T08:00:01Z"},
		{"MM/DD/YYYY HH:mm:ss AM", "12/31/2010 12:00:01 pm", "2010-12-31T20:00:01Z"},
		{"MM/DD/YYYY HH:mm:ss AM", "2/1/2010 1:02:03 PM", "2010-02-01T21:02:03Z"},
		{"MM/DD/YYYY HH:mm:ss AM", "2/1/2010 13:02:03 PM", "not_a_time"},
		{"MM/DD/YYYY HH:mm:ss AM", "2/1/2010 0:02:03 AM", "not_a_time"},
		{"MM/DD/YYYY HH:mm:ss AM", "2/1/2010 1:02:03", "not_a_time"},
		{"YYYYMMDD", "20260701", "2026-07-01T07:00:00Z"},
		{"YYYYMMDD", "2026071", "not_a_time"},
		{"YYYY-MMDD", "2026-071", "not_a_time"},
		{"YYYY-MMDD", "2026-71", "not_a_time"},
		{"DDMM-YYYY", "107-2026", "not_a_time"},
		{"YYYYMMDD HH", "20260701 9", "2026-07-01T16:00:00Z"},
		{"YYYYMMDD HHmm", "20260701 959", "not_a_time"},
		{"DDMonYYYY", "1Jul2026", "2026-07-01T07:00:00Z"},
		{"MM/DD/YYYY HH:mm AM", "7/1/2026 9:05 pm", "2026-07-02T04:05:00Z"},
		{"Month DD, YYYY", "July 1, 2026", "2026-07-01T07:00:00Z"},
		{"Month DD, YYYY", "may 11, 2026", "2026-05-11T07:00:00Z"},
		{"Month DD, YYYY", "Jul 1, 2026", "not_a_time"},
		{"DD Month YYYY", "30 september 2026", "2026-09-30T07:00:00Z"},
		{"DD Month YYYY", "30 Septembre 2026", "not_a_time"},
		{"Day, Month DD YYYY", "Wednesday, July 1 2026", "2026-07-01T07:00:00Z"},
		{"Day Mon DD HH:mm:ss YYYY", "Wed Jul 01 12:00:00 2026", "2026-07-01T19:00:00Z"},
		{"Day DD.MM.YYYY", "WED 01.07.2026", "2026-07-01T07:00:00Z"},
		{"DD.MM.YYYY Day", "01.07.2026 Wed", "2026-07-01T07:00:00Z"},
		{"Day DD.MM.YYYY", "Thu 01.07.2026", "not_a_time"}, // it is a Wednesday
		{"Day DD.MM.YYYY", "Mi 01.07.2026", "not_a_time"},
		{"Day DD.MM.YYYY", "Wednes 01.07.2026", "not_a_time"},
		{"Day DD.MM.YYYY", "We", "not_a_time"},
		{"YYYY/MM/DD HH:mm:ssZ", "2026/07/01 12:00:00z", "2026-07-01T12:00:00Z"},
		{"YYYYMMDD", "202671", "not_a_time"},
		{"YYYYMMDDHHmmss", "20260701120000", "2026-07-01T19:00:00Z"},
		{"YYYYMMDDHHmmss", "2026070112000", "not_a_time"},
		{"DD-Mon-YY", "01-JUL-26", "2026-07-01T07:00:00Z"},
		{"DD-Mon-YY", "1-jul-69", "1969-07-01T07:00:00Z"},
		{"DD-Mon-YY", "01-JUI-26", "not_a_time"},
		{"DD/Mon/YYYY:HH:mm:ss Z", "10/Oct/2000:13:55:36 -0700", "2000-10-10T20:55:36Z"},
		{"YYYY/MM/DD HH:mm:ssZ", "2026/07/01 12:00:00.25+02:00", "2026-07-01T10:00:00.25Z"},
		{"YYYY/MM/DD HH:mm:ssZ", "2026/07/01 12:00:00", "not_a_time"},
		{"YYYY/MM/DD HH:mm:ss Z", "2026/07/01 12:00:00 UTC", "2026-07-01T12:00:00Z"},
		{"YYYY/MM/DD HH:mm:ss", "2026/07/01 12:00:00.25", "2026-07-01T19:00:00.25Z"},
		{"HH.mm.ss.DD.MM.YYYY", "12.00.01.01.07.2026", "2026-07-01T19:00:01Z"},
		{"YYYY年MM月DD日", "2026年7月1日", "2026-07-01T07:00:00Z"},

		// Clocks in Los Angeles skip 2:00 to 3:00 on 8 March 2026.
		{"MM/DD/YYYY HH:mm", "03/08/2026 02:30", "2026-03-08T10:30:00Z"},
		{"MM/DD/YYYY HH:mm", "11/01/2026 01:30", "2026-11-01T08:30:00Z"},
	} {
		p, field := newCellParser(losAngeles(t)), &Field{Kind: Instant, Time: test.form}
		for range 2 {
			v, why := p.number(field, []byte(test.text))
			got := string(why)
			if why == fine {
				got = time.UnixMicro(v).UTC().Format("2006-01-02T15:04:05.999999Z")
			}
			if got != test.want {
				t.Errorf("%q as %q: got %s, want %s", test.text, test.form, got, test.want)
			}
		}
	}
}

// TestTimeZones: each field has a zone of its own, and dates are days in it.
func TestTimeZones(t *testing.T) {
	berlin, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p := newCellParser(losAngeles(t))
	for _, test := range []struct {
		field      Field
		text, want string
	}{
		{Field{Kind: Instant, Zone: &berlin}, "2026-07-01 12:00", "2026-07-01T10:00:00Z"},
		{Field{Kind: Instant, Zone: &berlin}, "2026-07-01", "2026-06-30T22:00:00Z"},
		{Field{Kind: Instant, Zone: &berlin}, "2026-07-01 12:00Z", "2026-07-01T12:00:00Z"},
		{Field{Kind: Instant}, "2026-07-01 12:00", "2026-07-01T19:00:00Z"},
		{Field{Kind: Date, Zone: &berlin}, "2026-07-01T23:30:00Z", "2026-07-01"},
		{Field{Kind: Date}, "2026-07-01T03:30:00Z", "2026-06-30"},
		{Field{Kind: Date, Time: EpochMs}, "1782876600000", "2026-06-30"},
		{Field{Kind: Date, Time: "DD.MM.YYYY", Zone: &berlin}, "1.7.2026", "2026-07-01"},
		{Field{Kind: Date, Time: RFC2822, Zone: &berlin}, "1 Jul 2026 23:30:00 GMT", "2026-07-01"},
		{Field{Kind: Date, Time: EpochS}, "x", "not_a_time"},
		{Field{Kind: Date, Time: "DD.MM.YYYY"}, "1.1.1899", "not_a_time"},
	} {
		v, why := p.number(&test.field, []byte(test.text))
		got := string(why)
		switch {
		case why != fine:
		case test.field.Kind == Date:
			got = calendar.Day(v).String()
		default:
			got = time.UnixMicro(v).UTC().Format("2006-01-02T15:04:05.999999Z")
		}
		if got != test.want {
			t.Errorf("%q as %q: got %s, want %s", test.text, test.field.Time, got, test.want)
		}
	}
}

func TestCheckTimeForm(t *testing.T) {
	for form, want := range map[TimeForm]string{
		ISO8601: "", RFC2822: "", EpochS: "", EpochAuto: "", "YYYY-MM-DD": "", "DD/MM/YY HH:mm:ss AM": "", "YYYY-MM-DDTHH:mm:ssZ": "",
		"unix_second":         `"u" is none of YYYY,`,
		"dd/mm/yyyy":          `"dd" is none of YYYY,`,
		"YYYY-MM-DD hh:mm":    `"hh" is none of YYYY,`,
		"YYYY-MM-DD HH:mm PM": `"P" is none of YYYY,`,
		"YYYY-MM-DD UTC":      `"U" is none of YYYY,`,
		"20YY-MM-DD":          `"2" is none of YYYY,`,
		"YYYYY-MM-DD":         `"Y" is none of YYYY,`,
		"MM/DD":               "it has no YYYY",
		"YYYY-DD":             "it has no MM",
		"YYYY-MM":             "it has no DD",
		"YYYY-MM-DD mm":       "it has mm without HH",
		"YYYY-MM-DD HH ss":    "it has ss without mm",
		"YYYY-MM-DD AM":       "it has AM without HH",
		"YYYY-MM-DD Z":        "it has Z without HH",
		"YYYY YY MM DD":       "YYYY stands twice",
		"YYYY MM Mon DD":      "MM stands twice",
		" ":                   "it has no YYYY",
	} {
		err := checkTimeForm(form)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", form, err, want)
		}
	}
}
