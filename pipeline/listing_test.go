package pipeline

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"gocloud.dev/blob"

	"ratemill/fixtures/s3test"
	"ratemill/rating/calendar"
)

// lists counts what is listed through a proxy: calls, and the first and last
// key that may have been seen.
type lists struct {
	mu    sync.Mutex
	asked []string
}

func (l *lists) fault(page int) s3test.Fault {
	return func(c *s3test.Call) {
		if !c.IsList() {
			c.Forward()
			return
		}
		q := c.URL.Query()
		l.mu.Lock()
		l.asked = append(l.asked, fmt.Sprintf("%s>%s+%s", q.Get("prefix"), q.Get("start-after"), url.QueryEscape(q.Get("continuation-token"))))
		l.mu.Unlock()
		if page > 0 {
			c.Page(page)
			return
		}
		c.Forward()
	}
}

// A small night lists each source once, and looks for strays once more,
// however many days its window has.
func TestListsOfASmallNight(t *testing.T) {
	s := newInS3(t, small)
	direct := s.company(s.server.Endpoint, "")
	direct.night("2024-05-01")
	proxy, l := s.server.Proxy(t), &lists{}
	disturbed := s.company(proxy.Endpoint, "")
	proxy.Fail(l.fault(0))
	if _, err := disturbed.try("2024-05-02"); err != nil {
		t.Fatal(err)
	}
	sources, err := sourcesOf(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	// One for each export, one for the root, and one for each folder there is.
	if most := len(sources) + 1 + 4; len(l.asked) > most {
		t.Errorf("%d lists, want at most %d:\n%s", len(l.asked), most, strings.Join(l.asked, "\n"))
	}
}

// Years of exports below a prefix are not gone through for a night's window.
func TestListsOfALongHistory(t *testing.T) {
	s := newInS3(t, small)
	c := s.company(s.server.Endpoint, "")
	for d := day(t, "2022-01-01"); d < day(t, "2024-01-01"); d += 3 {
		c.write(fmt.Sprintf("sms/date=%s/part-0.csv", d), "")
	}
	c.write("sms/date=2030-01-01/part-0.csv", "") // and what is to come
	proxy, l := s.server.Proxy(t), &lists{}
	disturbed := s.company(proxy.Endpoint, "")
	proxy.Fail(l.fault(10))
	night := c.settings("2024-05-02")
	night.Exports, night.First = disturbed.exports, true
	sources, err := sourcesOf(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := listExports(t.Context(), night, sources)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 || len(l.asked) > len(sources)+2 {
		t.Errorf("%d files, %d lists:\n%s", len(files), len(l.asked), strings.Join(l.asked, "\n"))
	}
}

// Whatever lies there and however a store pages, one list of the window finds
// what a list of each day finds.
func TestListsFindTheSame(t *testing.T) {
	const seeds = 4
	server := s3test.Start(t)
	templates := []string{
		"a/date={date}/*.csv", "b/{date}.csv", "c/{year}/{month}/{day}/**/*.csv", "d/{day}/{month}/{year}/*.csv",
		"e/{year}{month}{day}-{hour}.csv", "f/{year}/{month}/x-{day}.csv", "g/{account}/{date}/*.csv", "h/*.csv",
		"i/{year}/{month}/*/{day}.csv", "{date}/j.csv",
	}
	for seed := range uint64(seeds) {
		random := rand.New(rand.NewPCG(seed, 1))
		plain, far := memory(t), &inS3{t, server, server.Bucket(t)}
		inS3 := far.open(server.Endpoint, "exports")
		put := func(key string) {
			for _, b := range []*blob.Bucket{plain, inS3} {
				if err := b.WriteAll(context.Background(), key, []byte("x"), nil); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 150 {
			put(someKey(t, random, templates[random.IntN(len(templates))]))
		}
		for _, pattern := range templates {
			compiled, err := compileTemplate(pattern)
			if err != nil {
				t.Fatal(err)
			}
			c := newCompany(t, "")
			sources := []source{{name: "s", exports: []layout{{templates: []*template{compiled}}}}}
			find := func(exports *blob.Bucket, page pages) string {
				night := c.settings("2024-03-02")
				night.Exports = exports
				files, err := listInPages(t.Context(), night, sources, page)
				if err != nil {
					t.Fatalf("%s: %v", pattern, err)
				}
				var keys []string
				for _, f := range files {
					keys = append(keys, f.Key+" of "+f.Date)
				}
				slices.Sort(keys)
				return strings.Join(keys, "\n")
			}
			want := find(plain, pages{10_000, 10_000})
			for _, page := range []pages{{1, 1}, {7, 7}, {1000, 1000}, {3, 50}} {
				equalText(t, fmt.Sprintf("%s in pages of %v", pattern, page), find(inS3, page), want)
			}
		}
	}
}

// someKey is a key that fits a template, or nearly.
func someKey(t testing.TB, random *rand.Rand, pattern string) string {
	d := day(t, "2024-03-02") - calendar.Day(random.IntN(80)) + 3
	date := d.String()
	word := []string{"x", "y/z", "A 1", ".hidden", "_mark"}[random.IntN(5)]
	key := strings.NewReplacer("{date}", date, "{year}", date[:4], "{month}", date[5:7], "{day}", date[8:], "{hour}", "07",
		"{account}", "acct", "**", word, "*", word).Replace(pattern)
	if random.IntN(5) == 0 {
		key += []string{"x", "~"}[random.IntN(2)]
	}
	return key
}
