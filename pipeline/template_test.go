package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ratemill/rating/calendar"
)

func TestTemplateMatch(t *testing.T) {
	for _, test := range []struct{ template, key, want string }{ // want: day, then parts; empty: no match
		{"sms/date={date}/*", "sms/date=2024-05-01/a.csv", "2024-05-01 date=2024-05-01"},
		{"sms/date={date}/*", "sms/date=2024-05-01/deeper/a.csv", ""},
		{"sms/date={date}/*", "sms/date=2024-02-30/a.csv", ""},
		{"sms/date={date}/*", "sms/date=2024-5-1/a.csv", ""},
		{"sms/date={date}/*", "sms/date=2024-05-01/_SUCCESS", ""},
		{"sms/date={date}/*", "sms/date=2024-05-01/.a.csv.crc", ""},
		{"sms/date={date}/_*", "sms/date=2024-05-01/_a.csv", "2024-05-01 date=2024-05-01"},
		{"sms/date={date}/x*", "sms/date=2024-05-01/x", "2024-05-01 date=2024-05-01"},
		{"u/{year}/{month}/{day}/*.csv.gz", "u/2024/05/01/0001.csv.gz", "2024-05-01 date=2024-05-01 day=01 month=05 year=2024"},
		{"u/{year}/{month}/{day}/*.csv.gz", "u/2024/13/01/0001.csv.gz", ""},
		{"u/{year}/{month}/{day}/*.csv.gz", "u/2024/05/01/0001.csv", ""},
		{"u/{year}{month}{day}-{hour}.csv", "u/20240501-23.csv", "2024-05-01 date=2024-05-01 day=01 hour=23 month=05 year=2024"},
		{"u/{year}{month}{day}-{hour}.csv", "u/20240501-24.csv", ""},
		{"cur/{year}/{month}/*.parquet", "cur/2024/05/x.parquet", " month=05 year=2024"},
		{"{account}/usage.csv", "acme/usage.csv", " account=acme"},
		{"{account}/usage.csv", "_acme/usage.csv", ""},
		{"{account}/usage.csv", "a/b/usage.csv", ""},
		{"x/{account}_{service}.csv", "x/a_b_c.csv", " account=a_b service=c"},
		{"x/v{version}.csv", "x/v_1.csv", " version=_1"},
	} {
		c, err := compileTemplate(test.template)
		if err != nil {
			t.Error(err)
			continue
		}
		parts, day, ok := c.match(test.key)
		got := ""
		if ok {
			got = day.String()
			for _, name := range slices.Sorted(maps.Keys(parts)) {
				got += " " + name + "=" + parts[name]
			}
		}
		if got != test.want {
			t.Errorf("%s fits %s as %q, want %q", test.key, test.template, got, test.want)
		}
	}
}

// Templates without placeholders, and stars over levels.
func TestTemplateFits(t *testing.T) {
	for template, keys := range map[string]struct{ fit, not []string }{
		"focus/**/*.csv": {[]string{"focus/a.csv", "focus/a/b.csv", "focus/a/b/c.csv"}, []string{"focus/a/_tmp/b.csv", "focus/.a/b.csv", "focus.csv", "focus/a.csv.gz"}},
		"focus/**":       {[]string{"focus/a", "focus/a/b/c.csv"}, []string{"focus/", "focus/_a", "focus/a/.b"}},
		"**/x.csv":       {[]string{"x.csv", "a/x.csv", "a/b/x.csv"}, []string{"ax.csv", "_a/x.csv"}},
		"a/*/x.csv":      {[]string{"a/b/x.csv"}, []string{"a/x.csv", "a/b/c/x.csv"}},
		"a+(b)/[c].csv":  {[]string{"a+(b)/[c].csv"}, []string{"aa(b)/c.csv"}},
		"a?.csv":         {[]string{"a?.csv"}, []string{"ab.csv"}},
		"a.b/*.csv":      {[]string{"a.b/1.csv"}, []string{"aXb/1.csv"}},
		"one.csv":        {[]string{"one.csv"}, []string{"one.csv\n", "two/one.csv", "one.csv.gz"}},
		"_x/*.csv":       {[]string{"_x/1.csv"}, []string{"_x/_1.csv"}},
		"é/*":            {[]string{"é/ü.csv"}, nil},
	} {
		c, err := compileTemplate(template)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, key := range keys.fit {
			if _, _, ok := c.match(key); !ok {
				t.Errorf("%s does not fit %s", key, template)
			}
		}
		for _, key := range keys.not {
			if _, _, ok := c.match(key); ok {
				t.Errorf("%s fits %s", key, template)
			}
		}
	}
}

func TestTemplatePrefix(t *testing.T) {
	day, err := calendar.Parse("2024-05-01")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		template, on, never string
		date                bool
	}{
		{"sms/date={date}/*", "sms/date=2024-05-01/", "sms/date=", true},
		{"u/{year}/{month}/{day}/{hour}/*.gz", "u/2024/05/01/", "u/", true},
		{"cur/{year}/{month}/*", "cur/2024/05/", "cur/", false},
		{"{account}/{date}.csv", "", "", true},
		{"**/{date}.csv", "", "", true},
		{"focus/*.csv", "focus/", "focus/", false},
		{"tables/a.csv", "tables/a.csv", "tables/a.csv", false},
	} {
		c, err := compileTemplate(test.template)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := c.prefixOn(day); got != test.on {
			t.Errorf("%s begins with %q on %s, want %q", test.template, got, day, test.on)
		}
		if got := c.prefixOn(calendar.None); got != test.never {
			t.Errorf("%s begins with %q on no day, want %q", test.template, got, test.never)
		}
		if c.hasDate() != test.date {
			t.Errorf("%s has a date: %v", test.template, c.hasDate())
		}
	}
}

func TestTemplateMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "is empty",
		"/a.csv":             "begins with a slash",
		"s3://b/a.csv":       "is a URL",
		"a/":                 "names a folder",
		"a//b":               "two slashes",
		"a/../b":             `a level "." or ".."`,
		"./a":                `a level "." or ".."`,
		`a\b`:                "parted by /",
		"a\u200b/b":          "an invisible character",
		"a/{date/b":          "never closed",
		"a/date}/b":          "a } without a {",
		"a/{}/b":             "{}, which is no placeholder",
		"a/{Date}/b":         "{Date}, which is no placeholder",
		"a/{date:%Y}/b":      "{date:%Y}, which is no placeholder",
		"a/{{date}}/b":       "{{date}, which is no placeholder",
		"a/{date}/{date}":    "{date} twice",
		"a/{x}/{x}":          "{x} twice",
		"a/{date}/{day}":     "{date} and parts of a date",
		"a/{year}/{day}":     "{day} without {month}",
		"a/{month}/b":        "{month} without {year}",
		"a/b**/c":            "** beside other text",
		"a/***/c":            "** beside other text",
		"a/**.csv":           "** beside other text",
		"a/{account}*.csv":   "{account} right before *",
		"a/*{account}.csv":   "* right before {account}",
		"a/{account}{x}.csv": "{account} right before {x}",
	} {
		err := checkTemplate(text)
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("path %q ", text)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestTemplateParts(t *testing.T) {
	for text, want := range map[string]string{
		"a/{date}/{account}.csv":         "date account",
		"a/{year}/{month}/{day}/{hour}*": "year month day hour date",
		"a/{year}/*":                     "year",
		"a/*":                            "",
		"a/{":                            "",
	} {
		if got := strings.Join(templateParts(text), " "); got != want {
			t.Errorf("%s has the parts %q, want %q", text, got, want)
		}
	}
}
