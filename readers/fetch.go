package readers

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// What lies on an object store is asked for in few requests, each of which
// costs tens of milliseconds: a small file whole, of a larger one the ranges
// that are needed, joined where little lies between them, cut into parts that
// are fetched several at once, and ahead of who reads them.
const (
	wholeFile   = 2 << 20 // bytes of a file that is fetched with one request
	partSize    = 8 << 20 // bytes of a part, at most
	leastPart   = 256 << 10
	aheadSize   = 32 << 20 // bytes held for one split that are not read yet
	partsAtOnce = 4        // requests under way for one split
	widestGap   = 1 << 20  // bytes between two ranges that are fetched as one
	freeGap     = 16 << 10 // the same, however small the ranges are
)

// stretch is a range of a file.
type stretch struct{ at, size int64 }

func (s stretch) end() int64 { return s.at + s.size }

// fetcher reads ranges of an object, ahead of those who ask for them.
type fetcher struct {
	ctx    context.Context
	cancel context.CancelFunc
	source source
	parts  []*part // by place
	queue  []*part // in the order in which they are needed

	mu      sync.Mutex
	next    int   // of the queue
	held    int64 // bytes of parts that are asked for and not done with
	running int
	wait    sync.WaitGroup
}

// part is what one request fetches.
type part struct {
	stretch
	need  int64 // how far into its range it lies: what is needed first comes first
	whole bool  // it is made of whole ranges

	readers int // still to read it
	begun   bool
	ready   chan struct{}
	bytes   []byte
	err     error
}

// fetch begins to read stretches of an object, each of which is then read once,
// by its reader, from its beginning.
func fetch(ctx context.Context, s source, stretches []stretch) *fetcher {
	f := &fetcher{source: s, parts: partsOf(stretches)}
	f.ctx, f.cancel = context.WithCancel(ctx)
	for _, s := range stretches {
		for i := f.partAt(s.at); i < len(f.parts) && f.parts[i].at < s.end(); i++ {
			f.parts[i].readers++
		}
	}
	f.queue = slices.Clone(f.parts)
	slices.SortFunc(f.queue, func(a, b *part) int { return cmp.Or(cmp.Compare(a.need, b.need), cmp.Compare(a.at, b.at)) })
	f.mu.Lock()
	defer f.mu.Unlock()
	f.goOn()
	return f
}

// partsOf cuts stretches into parts, none of which overlaps another.
func partsOf(stretches []stretch) []*part {
	stretches = slices.Clone(stretches)
	slices.SortFunc(stretches, func(a, b stretch) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.size, a.size)) })
	total := int64(0)
	var apart []stretch // without what others hold too
	for _, s := range stretches {
		if n := len(apart); n > 0 && s.at < apart[n-1].end() {
			end := s.end()
			s.at = apart[n-1].end()
			s.size = end - s.at
		}
		if s.size > 0 {
			apart, total = append(apart, s), total+s.size
		}
	}
	most := int64(partSize)
	if total > aheadSize { // of each range, a part is held at any time
		most = min(max(aheadSize/int64(2*len(apart)), leastPart), partSize)
	}
	var parts []*part
	for _, s := range apart {
		n := (s.size + most - 1) / most
		for i := range n {
			from, to := s.size*i/n, s.size*(i+1)/n
			parts = append(parts, &part{stretch: stretch{s.at + from, to - from}, need: i << 20 / n, whole: n == 1, ready: make(chan struct{})})
		}
	}
	return joinParts(parts, total)
}

// joinParts joins neighbours where little lies between them: the narrowest gaps
// first, and no more of them than a tenth of what is needed.
func joinParts(parts []*part, total int64) []*part {
	gap := func(i int) int64 { return parts[i].at - parts[i-1].end() }
	var gaps []int
	for i := 1; i < len(parts); i++ {
		if parts[i-1].whole && parts[i].whole && gap(i) <= widestGap {
			gaps = append(gaps, i)
		}
	}
	slices.SortStableFunc(gaps, func(a, b int) int { return cmp.Compare(gap(a), gap(b)) })
	may, waste := make([]bool, len(parts)), int64(0)
	for _, i := range gaps {
		if waste += gap(i); gap(i) > freeGap && waste > total/10 {
			break
		}
		may[i] = true
	}
	var all []*part
	for i, p := range parts {
		if may[i] && p.end()-all[len(all)-1].at <= partSize {
			last := all[len(all)-1]
			last.size = p.end() - last.at
			continue
		}
		all = append(all, p)
	}
	return all
}

// partAt is the first part that ends behind a place.
func (f *fetcher) partAt(at int64) int {
	i, _ := slices.BinarySearchFunc(f.parts, at, func(p *part, at int64) int {
		if p.end() <= at {
			return -1
		}
		return 1
	})
	return i
}

// goOn begins what may be begun. The caller holds the lock.
func (f *fetcher) goOn() {
	for f.running < partsAtOnce && f.next < len(f.queue) {
		p := f.queue[f.next]
		if !p.begun && f.held > 0 && f.held+p.size > aheadSize {
			return
		}
		f.next++
		f.begin(p)
	}
}

func (f *fetcher) begin(p *part) {
	if p.begun {
		return
	}
	p.begun = true
	f.held += p.size
	f.running++
	f.wait.Go(func() {
		p.bytes = make([]byte, p.size)
		_, p.err = (&section{ctx: f.ctx, source: f.source}).ReadAt(p.bytes, p.at)
		close(p.ready)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running--
		f.goOn()
	})
}

// bytesOf waits for a part. One that was not begun, for want of room, is: its
// reader must not wait for others that wait for it.
func (f *fetcher) bytesOf(p *part) ([]byte, error) {
	f.mu.Lock()
	f.begin(p)
	f.mu.Unlock()
	select {
	case <-p.ready:
		return p.bytes, p.err
	case <-f.ctx.Done():
		return nil, f.ctx.Err()
	}
}

// done tells that one of a part's readers is behind it.
func (f *fetcher) done(p *part) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.readers--; p.readers == 0 {
		p.bytes = nil
		f.held -= p.size
		f.goOn()
	}
}

// close ends what is under way.
func (f *fetcher) close() {
	f.cancel()
	f.wait.Wait()
}

// reader reads one of the stretches.
func (f *fetcher) reader(s stretch) io.Reader {
	return &stretchReader{fetcher: f, left: s, part: f.partAt(s.at)}
}

type stretchReader struct {
	*fetcher
	left stretch
	part int
}

func (r *stretchReader) Read(to []byte) (int, error) {
	if r.left.size == 0 {
		return 0, io.EOF
	}
	p := r.parts[r.part]
	bytes, err := r.bytesOf(p)
	if err != nil {
		return 0, err
	}
	from := bytes[r.left.at-p.at:]
	n := copy(to, from[:min(int64(len(from)), r.left.size)])
	r.left = stretch{r.left.at + int64(n), r.left.size - int64(n)}
	if r.left.size == 0 || r.left.at == p.end() {
		r.part++
		r.done(p)
	}
	return n, nil
}

// hold fetches a small file whole, which is then read from memory; not from a
// disk, which has no need of it.
func (s *source) hold(ctx context.Context) error {
	if !s.remote || s.size == 0 || s.size > wholeFile {
		return nil
	}
	r, err := s.bucket.NewReader(ctx, s.key, nil)
	if err != nil {
		return &FileError{Key: s.key, What: "opening it", Err: err}
	}
	defer r.Close()
	held := make([]byte, s.size+1)
	switch n, err := io.ReadFull(r, held); {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && int64(n) != s.size:
		return &FileError{Key: s.key, What: "reading it", Err: errNotAsListed}
	case !errors.Is(err, io.ErrUnexpectedEOF):
		return &FileError{Key: s.key, What: "reading it", Err: err}
	}
	s.front, s.whole = held[:s.size:s.size], true
	return nil
}
