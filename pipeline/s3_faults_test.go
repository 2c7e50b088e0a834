package pipeline

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"ratemill/fixtures/s3test"
)

// everyThird does something to each third call of those that are meant, and
// forwards the others.
func everyThird(meant func(*s3test.Call) bool, do s3test.Fault) s3test.Fault {
	return func(c *s3test.Call) {
		if c.N%3 == 0 && meant(c) {
			do(c)
			return
		}
		c.Forward()
	}
}

// onceForEach does something to a call when it comes for the first time.
func onceForEach(do s3test.Fault) s3test.Fault {
	var seen sync.Map
	return func(c *s3test.Call) {
		if _, again := seen.LoadOrStore(c.Method+c.URL.RequestURI(), true); !again {
			do(c)
			return
		}
		c.Forward()
	}
}

func from(n int, do s3test.Fault) s3test.Fault {
	return func(c *s3test.Call) {
		if c.N >= n {
			do(c)
			return
		}
		c.Forward()
	}
}

func refuse(status int, code string) s3test.Fault {
	return func(c *s3test.Call) { c.Refuse(status, code) }
}

func anyCall(*s3test.Call) bool   { return true }
func isRead(c *s3test.Call) bool  { return c.Method == http.MethodGet }
func isWrite(c *s3test.Call) bool { return c.Method == http.MethodPut || c.Method == http.MethodPost }
func hasBody(c *s3test.Call) bool { return isWrite(c) && c.ContentLength > 0 }

func cutAnswer(c *s3test.Call)   { c.CutAnswer(true) }
func closeAnswer(c *s3test.Call) { c.CutAnswer(false) }

// What happens between the night and S3, and whether the night is to come
// through. Where it does not, it ends with exit code 75.
var faults = []struct {
	name       string
	fault      s3test.Fault
	parameters []string
	passes     bool
	long       bool
}{
	{name: "slow down, a third", fault: everyThird(anyCall, refuse(503, "SlowDown")), passes: true},
	{name: "internal error, a third", fault: everyThird(anyCall, refuse(500, "InternalError")), passes: true, long: true},
	{name: "answers reset in mid-body, a third", long: true, fault: everyThird(anyCall, cutAnswer), passes: true},
	{name: "answers closed in mid-body, a third", fault: everyThird(anyCall, closeAnswer), passes: true},
	// Own files are read whole and have a checksum, which tells that half of one
	// is not all; the run does not go on with it.
	{name: "short answers of the history", fault: func(c *s3test.Call) {
		if isRead(c) && strings.HasSuffix(c.URL.Path, "/run.json") {
			c.ShortAnswer()
			return
		}
		c.Forward()
	}},
	// Of an export the plan knows the length.
	{name: "short exports", fault: func(c *s3test.Call) {
		if isRead(c) && strings.HasSuffix(c.URL.Path, ".csv") && c.Header.Get("Range") == "" {
			c.ShortAnswer() // and the rest is asked for by its range
			return
		}
		c.Forward()
	}, passes: true},
	{name: "short lists, a third", fault: everyThird((*s3test.Call).IsList, (*s3test.Call).ShortAnswer), passes: true},
	{name: "requests reset in mid-body, a third", long: true, fault: everyThird(hasBody, (*s3test.Call).CutRequest), passes: true},
	{name: "answers lost, a third", fault: everyThird(isWrite, (*s3test.Call).LoseAnswer), passes: true},
	{name: "conflicts, a third", long: true, fault: everyThird(isWrite, refuse(409, "ConditionalRequestConflict")), passes: true},
	{name: "no conditional copies", long: true, fault: func(c *s3test.Call) {
		if c.Header.Get("X-Amz-Copy-Source") != "" && c.Header.Get("If-None-Match") != "" {
			c.Refuse(501, "NotImplemented")
			return
		}
		c.Forward()
	}, passes: true},
	{name: "lists of two", fault: func(c *s3test.Call) {
		if c.IsList() {
			c.Page(2)
			return
		}
		c.Forward()
	}, passes: true},
	{name: "expired token, once for each call", fault: onceForEach(refuse(400, "ExpiredToken")), passes: true},
	{name: "silence, now and then", long: true, fault: func(c *s3test.Call) {
		switch {
		case c.N%25 == 0:
			c.Stall()
		case c.N%10 == 0 && isRead(c):
			c.StallAnswer()
		default:
			c.Forward()
		}
	}, parameters: []string{"idle_timeout=100ms"}, passes: true},
	{name: "expired token for ever", long: true, fault: refuse(400, "ExpiredToken")},
	{name: "expired token from call 30", long: true, fault: from(30, refuse(400, "ExpiredToken"))},
	{name: "slow down from call 30", fault: from(30, refuse(503, "SlowDown")), parameters: []string{"retry_for=300ms"}},
	{name: "slow down from call 70", fault: from(70, refuse(503, "SlowDown")), parameters: []string{"retry_for=300ms"}, long: true},
	{name: "silence from call 30", long: true, fault: from(30, (*s3test.Call).Stall), parameters: []string{"retry_for=300ms", "idle_timeout=100ms"}},
	{name: "resets from call 30", long: true, fault: from(30, cutAnswer), parameters: []string{"retry_for=300ms"}},
}

// Whatever happens between the night and S3, the history is that of a quiet
// night, or nothing is visible and the next run makes it so.
func TestFaultsOfS3(t *testing.T) {
	s := newInS3(t, small)
	quiet := newCompany(t, small)
	quiet.nights("2024-05-01", "2024-05-02")
	want := issued(t, quiet.output)
	for i, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			if f.long && testing.Short() {
				t.Skip("left out of the short tests")
			}
			t.Parallel() // they wait more than they work
			history := "/" + string(rune('a'+i))
			s := &inS3{t, s.server, s.bucket}
			direct := s.company(s.server.Endpoint, history)
			direct.night("2024-05-01")
			proxy := s.server.Proxy(t)
			disturbed := s.company(proxy.Endpoint, history, f.parameters...)
			proxy.Fail(f.fault)
			night := direct.settings("2024-05-02")
			night.Exports, night.Output = disturbed.exports, disturbed.output
			_, err := Run(t.Context(), night)
			switch {
			case err != nil && f.passes:
				t.Errorf("%v (exit code %d)", err, ExitCode(err))
			case !f.passes && ExitCode(err) != ExitTemporary:
				t.Errorf("%v, exit code %d, want %d", err, ExitCode(err), ExitTemporary)
			}
			wholeOrNothing(t, f.name, direct, err)
			proxy.Fail(nil)
			if _, err := direct.try("2024-05-02"); err != nil {
				t.Fatalf("the next run: %v", err)
			}
			sameTree(t, f.name, issued(t, direct.output), want)
		})
	}
}

// An intent that was stored while its answer was lost is this run's own.
func TestLostAnswerOfTheIntent(t *testing.T) {
	s := newInS3(t, small)
	direct := s.company(s.server.Endpoint, "")
	direct.night("2024-05-01")
	proxy := s.server.Proxy(t)
	disturbed := s.company(proxy.Endpoint, "")
	lost := 0
	proxy.Fail(func(c *s3test.Call) {
		if c.Method == http.MethodPut && strings.HasSuffix(c.URL.Path, "/intent.json") && lost == 0 {
			lost++
			c.LoseAnswer()
			return
		}
		c.Forward()
	})
	r, err := disturbed.try("2024-05-02")
	if err != nil || r.Status != Published || lost != 1 {
		t.Errorf("got %v, %v, %d answers lost", r, err, lost)
	}
}

// A server that does not know conditional writes publishes nothing: on it, two
// runs could both win.
func TestStoreThatReplaces(t *testing.T) {
	s := newInS3(t, small)
	direct := s.company(s.server.Endpoint, "")
	direct.night("2024-05-01")
	before := tree(t, direct.output)
	proxy := s.server.Proxy(t)
	ignoring := s.company(proxy.Endpoint, "")
	proxy.Fail(func(c *s3test.Call) {
		if c.Method == http.MethodPut && c.Header.Get("If-None-Match") != "" {
			c.Accept()
			return
		}
		c.Forward()
	})
	_, err := ignoring.try("2024-05-02")
	if ExitCode(err) != ExitUsage || !strings.Contains(err.Error(), "If-None-Match") {
		t.Errorf("got %v, exit code %d", err, ExitCode(err))
	}
	sameTree(t, "after the refusal", tree(t, direct.output), before)
}
