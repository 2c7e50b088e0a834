package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
	"ratemill/writers"
)

// proven is one entry while it is proven.
type proven struct {
	breaks
	number int64
	entry  *Entry  // nil: neither run.json nor intent.json can be read
	before *proven // the entry before, nil for the first
	inSpan bool
	unread bool // a file of it is damaged: its figures are not judged

	run, intent []byte
	runErr      error // run.json is not there, or is not what was published
	rows        int64
	billed      calendar.Day      // last day that nights up to this one billed
	lastBilled  calendar.Day      // the same before this entry
	contents    map[string][]byte // of small files
	bad         map[string]bool   // files that are not what run.json says
	held        map[string]int64  // rows that wait, by source; nil: not counted
}

func (e *proven) release() { e.contents, e.run, e.intent = nil, nil, nil }

// list learns what lies under the output. It is the one place that lists: a
// file that nobody published can be found in no other way.
func (p *prover) list(ctx context.Context) error {
	p.sizes = map[string]int64{}
	leftovers := 0
	roots, err := p.listFolder(ctx, "", "/", func(*blob.ListObject) {})
	if err != nil {
		return err
	}
	for _, folder := range roots {
		_, err := p.listFolder(ctx, folder, "", func(o *blob.ListObject) {
			if strings.HasPrefix(o.Key, stagingFolder) {
				leftovers++
			} else {
				p.sizes[o.Key] = o.Size
			}
		})
		if err != nil {
			return err
		}
	}
	if leftovers > 0 {
		p.note("%d staged files of runs that stopped lie under %s: they are published by no entry; ratemill gc removes them", leftovers, stagingFolder)
	}
	for key := range p.sizes {
		if n, name, is := runFile(key); is && name == "run.json" {
			p.head = max(p.head, n)
		}
	}
	return nil
}

// listFolder lists what lies below a prefix, and returns its folders where
// they are delimited.
func (p *prover) listFolder(ctx context.Context, prefix, delimiter string, found func(*blob.ListObject)) ([]string, error) {
	var folders []string
	it := p.Output.List(&blob.ListOptions{Prefix: prefix, Delimiter: delimiter})
	for {
		o, err := it.Next(ctx)
		switch {
		case errors.Is(err, io.EOF):
			return folders, nil
		case err != nil:
			return nil, fmt.Errorf("listing the output: %w", err)
		case o.IsDir:
			folders = append(folders, o.Key)
		case delimiter != "":
			p.sizes[o.Key] = o.Size // at the root
		default:
			found(o)
		}
	}
}

// runFile takes the key of a file of an entry apart.
func runFile(key string) (entry int64, name string, is bool) {
	rest, is := strings.CutPrefix(key, "runs/")
	number, name, cut := strings.Cut(rest, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if !is || !cut || err != nil || n < 1 || key != fmt.Sprintf("runs/%08d/%s", n, name) {
		return 0, "", false
	}
	return n, name, true
}

// A wave is at most so many entries.
const waveEntries = 64

// readWave reads the next entries' run.json and intent.json, as many as memory
// holds the tables of, and checks the chain along them.
func (p *prover) readWave(ctx context.Context, first int64) ([]*proven, error) {
	wave := make([]*proven, min(waveEntries, p.head-first+1))
	for i := range wave {
		number := first + int64(i)
		wave[i] = &proven{breaks: breaks{entry: number}, number: number, contents: map[string][]byte{}, bad: map[string]bool{}}
	}
	err := each(ctx, p.requests(), len(wave), func(ctx context.Context, _, i int) error { return wave[i].read(ctx, p.Output) })
	if err != nil {
		return nil, err
	}
	room := p.Settings.Memory
	if room <= 0 {
		room = defaultMemory
	}
	before := p.before
	for i, e := range wave {
		if e.before = before; before != nil {
			e.lastBilled = before.billed
		}
		e.billed = e.lastBilled
		e.checkPair()
		if e.entry == nil {
			before = e
			continue
		}
		if room -= e.memory(); room < 0 && i > 0 {
			return wave[:i], nil
		}
		e.checkLink()
		p.checkDecisions(e)
		if e.entry.Kind == writers.Night {
			e.billed = e.entry.Day
		} else {
			p.others = append(p.others, e.number)
		}
		e.inSpan = p.inSpan(e.entry)
		for _, f := range e.entry.Outputs {
			p.declare(e, f.Key)
		}
		p.proof.Files += 2
		p.proof.Bytes += int64(len(e.run) + len(e.intent))
		before = e
	}
	return wave, nil
}

// memory is what reading an entry's tables may take.
func (e *proven) memory() int64 {
	sum := int64(0)
	for _, f := range e.entry.Outputs {
		sum += min(f.Size, fetchSize*keptFetched)
	}
	return 2 * sum // with the rows at hand
}

func (p *prover) declare(e *proven, key string) {
	if p.declared[key] {
		e.damage(key, "two entries say that they wrote it")
	}
	p.declared[key] = true
}

// read reads the two files of an entry; one that is missing stays nil.
func (e *proven) read(ctx context.Context, output *blob.Bucket) error {
	for _, f := range []struct {
		key  string
		into *[]byte
	}{{runKey(e.number), &e.run}, {intentKey(e.number), &e.intent}} {
		text, err := readAll(ctx, output, f.key)
		if err != nil && !missing(err) {
			return fmt.Errorf("reading %s: %w", f.key, err)
		}
		if err == nil {
			*f.into = append([]byte{}, text...)
		}
	}
	return nil
}

// checkPair holds run.json and intent.json, which each say what was published,
// against each other. Where one of them is damaged, the other is believed.
func (e *proven) checkPair() {
	var intent *writers.Intent
	switch {
	case e.run == nil:
		e.damage(runKey(e.number), "is missing")
	default:
		var err error
		if e.entry, err = entryOf(e.run, e.number); err != nil {
			e.runErr = err
			e.damage(runKey(e.number), "%v", errors.Unwrap(err))
		}
	}
	switch {
	case e.intent == nil:
		e.damage(intentKey(e.number), "is missing; intents are never deleted")
		return
	default:
		var err error
		if intent, err = writers.DecodeIntent(e.intent); err != nil {
			e.damage(intentKey(e.number), "%v", err)
			return
		}
	}
	if e.run != nil && e.runErr == nil && !bytes.Equal(e.run, []byte(intent.Run)) {
		e.damage(runKey(e.number), "is not what %s declares: %s", intentKey(e.number), firstOtherLine(e.run, []byte(intent.Run)))
		e.runErr = errors.New("not what its intent declares")
	}
	if e.entry == nil {
		if declared, err := entryOf([]byte(intent.Run), e.number); err == nil {
			e.entry = declared
		}
	}
	if e.entry != nil && e.runErr == nil {
		e.checkIntent(intent)
	}
}

// checkIntent: it declares the files that run.json lists, each staged under
// the run's own folder.
func (e *proven) checkIntent(i *writers.Intent) {
	key := intentKey(e.number)
	if i.RunID != e.entry.RunID {
		e.damage(key, "run_id is %s, that of run.json is %s", i.RunID, e.entry.RunID)
	}
	listed := map[string]writers.OutputFile{}
	for _, f := range e.entry.Outputs {
		listed[f.Key] = f
	}
	for _, f := range i.Files {
		l, is := listed[f.Final]
		switch {
		case !is:
			e.damage(key, "it declares %s, which run.json does not list", f.Final)
		case l.Size != f.Size || l.SHA256 != f.SHA256:
			e.damage(key, "it declares %s with %d bytes and sha256 %.12s, run.json has %d and %.12s", f.Final, f.Size, f.SHA256, l.Size, l.SHA256)
		case f.Staged != fmt.Sprintf("%s%s/%s/%s", stagingFolder, i.RunID, i.Attempt, f.Final):
			e.damage(key, "%s was staged as %s, not under the folder of run and attempt", f.Final, f.Staged)
		}
		delete(listed, f.Final)
	}
	for _, f := range e.entry.Outputs {
		if _, left := listed[f.Key]; left {
			e.damage(key, "it does not declare %s, which run.json lists", f.Key)
		}
	}
}

// checkLink: an entry names the one before by digest, days go on without a
// gap, and totals open with what the entry before closed with.
func (e *proven) checkLink() {
	x, key := e.entry, runKey(e.number)
	e.checkDays()
	switch {
	case e.number == 1:
		if x.Predecessor != nil {
			e.damage(key, "the first entry names a predecessor, entry %d", x.Predecessor.Entry)
		}
	case x.Predecessor == nil:
		e.damage(key, "it names no predecessor")
	case x.Predecessor.Entry != e.number-1:
		e.damage(key, "it names entry %d as its predecessor, not entry %d", x.Predecessor.Entry, e.number-1)
	case e.before.run != nil && x.Predecessor.Digest != digest(e.before.run):
		e.damage(key, "it names entry %d by the digest %.12s; the digest of that run.json is %.12s", e.number-1, x.Predecessor.Digest, digest(e.before.run))
	}
	for _, broken := range x.Totals.Check() {
		e.figures(key, "control totals: %s", broken)
	}
	if before := e.entryBefore(); before != nil || e.number == 1 {
		var totals *writers.Totals
		if before != nil {
			totals = &before.Totals
		}
		for _, broken := range x.Totals.CheckAgainst(totals) {
			e.figures(key, "control totals: %s", broken)
		}
	}
}

func (e *proven) entryBefore() *Entry {
	if e.before == nil {
		return nil
	}
	return e.before.entry
}

// checkDays: a night bills the day after the last one that was billed. An
// entry of another kind has the first day that is not billed yet.
func (e *proven) checkDays() {
	x, key := e.entry, runKey(e.number)
	first, err := calendar.Parse(x.FirstNight)
	if err != nil {
		e.damage(key, "first_night: %v", err)
		return
	}
	before := e.entryBefore()
	want := e.lastBilled + 1
	if e.number == 1 {
		want = first
	}
	switch {
	case before != nil && x.FirstNight != before.FirstNight:
		e.figures(key, "history starts on %s, in the entry before on %s", x.FirstNight, before.FirstNight)
	case before != nil && x.Day < before.Day:
		e.figures(key, "billing date %s is before that of entry %d, %s", x.Day, before.Entry, before.Day)
	case e.number > 1 && before == nil: // nothing is known of the day before
	case x.Day != want:
		e.figures(key, "billing date %s, the first day that is not billed is %s", x.Day, want)
	}
}

func firstOtherLine(a, b []byte) string {
	lines, others := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(lines), len(others)) {
		if !bytes.Equal(lines[i], others[i]) {
			return fmt.Sprintf("line %d is %q, declared is %q", i+1, shortened(lines[i]), shortened(others[i]))
		}
	}
	return fmt.Sprintf("%d lines, declared are %d", len(lines), len(others))
}

func shortened(line []byte) string {
	if line = bytes.TrimSpace(line); len(line) > 80 {
		return string(line[:80]) + "…"
	}
	return string(line)
}

// openEntries takes note of entries that were declared and are not finished:
// what they have put in place already is theirs.
func (p *prover) openEntries(ctx context.Context) error {
	for n := p.head + 1; ; n++ {
		text, err := readAll(ctx, p.Output, intentKey(n))
		if missing(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", intentKey(n), err)
		}
		intent, err := writers.DecodeIntent(text)
		if err != nil {
			x := breaks{entry: n}
			x.damage(intentKey(n), "%v", err)
			p.proof.Breaks = append(p.proof.Breaks, x.all()...)
			p.declared[intentKey(n)] = true
			continue
		}
		p.note("entry %d is declared and not published to its end: the next run finishes it", n)
		p.declared[intentKey(n)], p.declared[runKey(n)] = true, true
		for _, f := range intent.Files {
			p.declared[f.Final] = true
		}
	}
}

// undeclared are files that no entry wrote. Analysts read a table by its
// folder, and the payment processor takes its files from another: a file there
// counts, whoever put it.
func (p *prover) undeclared() {
	for n := range p.head {
		p.declared[runKey(n+1)], p.declared[intentKey(n+1)] = true, true
	}
	own := []string{"runs/", chargeFolder, decisionFolder}
	for _, t := range writers.Tables {
		own = append(own, t.Name+"/")
	}
	x, foreign := breaks{}, 0
	for key, size := range p.sizes {
		if p.declared[key] || strings.HasSuffix(key, "/") && size == 0 { // a folder that a console made
			continue
		}
		if slices.ContainsFunc(own, func(folder string) bool { return strings.HasPrefix(key, folder) }) {
			x.list = append(x.list, Break{Kind: Damage, File: key, What: "no entry wrote it, and whoever reads the folder reads it"})
		} else {
			foreign++
		}
	}
	if foreign > 0 {
		p.note("%d files under the output are in no folder of ratemill's", foreign)
	}
	slices.SortFunc(x.list, compareBreaks)
	if p.lost {
		return // an entry that cannot be read may have written them
	}
	if more := len(x.list) - mostBreaks; more > 0 {
		x.list, x.further = x.list[:mostBreaks], map[BreakKind]int{Damage: more}
	}
	p.proof.Breaks = append(p.proof.Breaks, x.all()...)
}
