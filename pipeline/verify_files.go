package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gocloud.dev/blob"

	"ratemill/pipeline/store"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// keptBytes is up to what size a file is kept from hashing to reading, so that
// the many small files of small nights are fetched once.
const keptBytes = 256 << 10

// hashed is a file as it lies there.
type hashed struct {
	entry *proven
	file  writers.OutputFile

	missing bool
	size    int64
	sum     string
	content []byte // of a small file
}

// hashFiles reads every file of a wave's entries and holds it against
// run.json.
func (p *prover) hashFiles(ctx context.Context, wave []*proven) error {
	var files []hashed
	for _, e := range wave {
		if e.entry == nil || !e.inSpan {
			continue
		}
		for _, f := range e.entry.Outputs {
			files = append(files, hashed{entry: e, file: f})
		}
	}
	err := each(ctx, p.requests(), len(files), func(ctx context.Context, _, i int) error { return files[i].read(ctx, p.Output) })
	if err != nil {
		return err
	}
	for i := range files {
		files[i].check()
		if !files[i].missing {
			p.proof.Files++
			p.proof.Bytes += files[i].size
		}
	}
	return nil
}

// read reads a file whole. One that S3 itself finds damaged is read as it lies
// there: run.json tells.
func (f *hashed) read(ctx context.Context, output *blob.Bucket) error {
	err := f.readFrom(output.NewReader(ctx, f.file.Key, nil))
	if errors.Is(err, store.ErrChecksum) {
		err = f.readFrom(output.NewRangeReader(ctx, f.file.Key, 0, f.size, nil))
	}
	return err
}

// readAll is an object's bytes, read as read does.
func readAll(ctx context.Context, output *blob.Bucket, key string) ([]byte, error) {
	text, err := output.ReadAll(ctx, key)
	if !errors.Is(err, store.ErrChecksum) {
		return text, err
	}
	attributes, err := output.Attributes(ctx, key)
	if err != nil {
		return nil, err
	}
	r, err := output.NewRangeReader(ctx, key, 0, attributes.Size, nil)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func (f *hashed) readFrom(r *blob.Reader, err error) error {
	if missing(err) {
		f.missing = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.file.Key, err)
	}
	defer r.Close()
	h := sha256.New()
	var kept bytes.Buffer
	to := io.Writer(h)
	if r.Size() <= keptBytes {
		to = io.MultiWriter(h, &kept)
	}
	if f.size, err = readInto(to, r); err != nil {
		return fmt.Errorf("reading %s: %w", f.file.Key, err)
	}
	f.sum, f.content = hex.EncodeToString(h.Sum(nil)), kept.Bytes()
	return nil
}

func (f *hashed) check() {
	e, key := f.entry, f.file.Key
	switch {
	case f.missing:
		e.damage(key, "is missing")
	case f.size != f.file.Size:
		e.damage(key, "it has %d bytes, run.json says %d", f.size, f.file.Size)
	case f.sum != f.file.SHA256:
		e.damage(key, "its sha256 is %.12s, run.json says %.12s: its bytes were changed", f.sum, f.file.SHA256)
	default:
		if f.size <= keptBytes {
			e.contents[key] = f.content
		}
		return
	}
	e.bad[key] = true
}

// at is a file for reading here and there.
func (e *proven) at(ctx context.Context, output *blob.Bucket, f writers.OutputFile) io.ReaderAt {
	if text, kept := e.contents[f.Key]; kept {
		return bytes.NewReader(text)
	}
	return &object{ctx: ctx, bucket: output, key: f.Key, size: f.Size}
}

// open is a file for reading from its beginning to its end.
func (e *proven) open(ctx context.Context, output *blob.Bucket, f writers.OutputFile) (io.ReadCloser, error) {
	if text, kept := e.contents[f.Key]; kept {
		return io.NopCloser(bytes.NewReader(text)), nil
	}
	return output.NewReader(ctx, f.Key, nil)
}

// checkListed: an entry has every table once, and a night the files for the
// payment processor besides. What is due, charged and given back without files
// is asked of nobody.
func (e *proven) checkListed() {
	known := map[string]bool{}
	for _, t := range writers.Tables {
		known[tableKey(t.Name, e.entry.Day, e.number)] = true
	}
	tables := len(known)
	for _, name := range payFiles {
		known[e.payKey(name)] = true
	}
	listed := map[string]bool{}
	for _, f := range e.entry.Outputs {
		if !known[f.Key] {
			e.damage(f.Key, "run.json lists it, and it is no table and no file for the payment processor of entry %d", e.number)
		}
		listed[f.Key] = true
	}
	for _, t := range writers.Tables {
		if key := tableKey(t.Name, e.entry.Day, e.number); !listed[key] {
			e.damage(runKey(e.number), "it lists no %s, and an entry has all %d tables", key, tables)
			e.unread = true
		}
	}
	for _, name := range payFiles {
		if e.entry.Kind == writers.Night && !listed[e.payKey(name)] {
			e.damage(runKey(e.number), "it lists no %s, and a night has one", e.payKey(name))
		}
	}
}

var payFiles = []string{"charges.csv", "charges.ndjson", "refunds.csv", "refunds.ndjson"}

func (e *proven) payKey(name string) string {
	return fmt.Sprintf("%sbilling_date=%s/%s", chargeFolder, e.entry.Day, name)
}

// payFile is a file for the payment processor, written again from its table and
// held against what was published, byte by byte.
type payProof struct {
	key  string
	file writers.OutputFile
	want mirror
	rows func() int64
	end  func() error
}

// openPayFiles begins to compare the files for the payment processor that the
// entry lists and that are whole.
func (p *prover) openPayFiles(ctx context.Context, e *proven, m *accountMerge) error {
	for _, name := range payFiles {
		at := slices.IndexFunc(e.entry.Outputs, func(f writers.OutputFile) bool { return f.Key == e.payKey(name) })
		if at < 0 || e.bad[e.payKey(name)] {
			continue
		}
		f := &payProof{key: e.payKey(name), file: e.entry.Outputs[at]}
		r, err := e.open(ctx, p.Output, f.file)
		if err != nil {
			return fmt.Errorf("reading %s: %w", f.key, err)
		}
		f.want = mirror{published: r}
		m.pays = append(m.pays, f)
		m.addPay(name, f, e.entry.Day)
	}
	return nil
}

func (m *accountMerge) addPay(name string, f *payProof, day calendar.Day) {
	charges := func(w *writers.ChargeFile) {
		m.chargeFiles, f.rows, f.end = append(m.chargeFiles, w), w.Rows, w.Close
	}
	refunds := func(w *writers.RefundFile) {
		m.refundFiles, f.rows, f.end = append(m.refundFiles, w), w.Rows, w.Close
	}
	switch name {
	case "charges.csv":
		charges(writers.NewChargeCSV(&f.want, day))
	case "charges.ndjson":
		charges(writers.NewChargeNDJSON(&f.want, day))
	case "refunds.csv":
		refunds(writers.NewRefundCSV(&f.want, day))
	case "refunds.ndjson":
		refunds(writers.NewRefundNDJSON(&f.want, day))
	}
}

// close ends the comparison, and says where the file is another than its table.
func (f *payProof) close(e *proven) error {
	defer f.want.published.Close()
	if err := f.end(); err != nil {
		e.figures(f.key, "its table cannot be written as this file: %v", err)
		return nil
	}
	rest, err := io.Copy(io.Discard, f.want.published)
	if err != nil || f.want.err != nil {
		return fmt.Errorf("reading %s: %w", f.key, errors.Join(f.want.err, err))
	}
	line := f.want.lines
	if strings.HasSuffix(f.key, ".csv") {
		line-- // the header
	}
	switch table := strings.SplitN(f.key[strings.LastIndex(f.key, "/")+1:], ".", 2)[0]; {
	case f.want.differs:
		e.add(Break{Kind: Figures, File: f.key, Row: line + 1, What: fmt.Sprintf("it differs from the table %s", table)})
	case rest > 0:
		e.add(Break{Kind: Figures, File: f.key, Row: line + 1, What: fmt.Sprintf("it has more rows than the table %s", table)})
	case f.rows() != f.file.Rows:
		e.figures(f.key, "it has %d rows, run.json says %d", f.rows(), f.file.Rows)
	}
	return nil
}

// mirror compares what is written to it with a published file.
type mirror struct {
	published io.ReadCloser
	buffer    []byte
	lines     int64 // that are the same, from the beginning
	differs   bool
	err       error
}

func (m *mirror) Write(p []byte) (int, error) {
	if m.differs || m.err != nil {
		return len(p), nil
	}
	m.buffer = append(m.buffer[:0], make([]byte, len(p))...)
	n, err := io.ReadFull(m.published, m.buffer)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		m.err = err
		return len(p), nil
	}
	same := 0
	for same < n && m.buffer[same] == p[same] {
		same++
	}
	m.lines += int64(bytes.Count(p[:same], []byte("\n")))
	m.differs = same < len(p)
	return len(p), nil
}
