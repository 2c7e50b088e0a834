package pipeline

import (
	"ratemill/rating"
	"ratemill/rating/calendar"
	"ratemill/writers"
)

// settle counts where each of the day's items ended, and keeps what must wait.
func (n *night) settle(out *tables, w *accountWork, day calendar.Day, o *rating.Outcome) {
	refused := make(map[int]*rating.Rejection, len(o.Rejections))
	for i := range o.Rejections {
		refused[o.Rejections[i].Ref] = &o.Rejections[i]
	}
	left := make(map[int]rating.Reason, len(o.Unbillable))
	for _, u := range o.Unbillable {
		left[u.Ref] = u.Reason
	}
	for ref := range w.items {
		it := &w.items[ref]
		if it.runDay != day {
			continue
		}
		e := &out.ends[it.source]
		if it.held != nil {
			e.takenUp += it.rows
		}
		if r := refused[ref]; r != nil {
			n.settleRefused(out, it, r)
			continue
		}
		if reason, is := left[ref]; is {
			e.notBillable[reason] += it.rows
		} else {
			e.rated += it.rows
		}
		n.take(out, it)
	}
}

// take notes that a row was billed, or left out for good: its event id is
// taken now, and if it waited it waits no more.
func (n *night) take(out *tables, it *item) {
	if n.takes(it) {
		out.ids = append(out.ids, n.idOf(it.event))
	}
	n.noteRecycled(out, it)
}

// takes tells whether an item takes its event id now.
func (n *night) takes(it *item) bool {
	return it.event != nil && n.sources[it.source].registers() && (it.held == nil || it.held.Reason != parked)
}

// noteRecycled closes the reject of an item that waited for a reason which
// holds no longer.
func (n *night) noteRecycled(out *tables, it *item) {
	if it.held != nil && it.held.Reason != notYetDue && it.held.Reason != parked {
		out.rejects = append(out.rejects, n.rejectRow(it, rating.Reason(it.held.Reason), "", rejectRecycled))
	}
}

// idOf is the event id that a row kept whole takes. A usage row's content is
// that of its record, whichever way it went.
func (n *night) idOf(e *event) takenID {
	id := takenID{source: e.source, day: e.day, hi: e.hi, lo: e.lo, content: e.content(), key: noGroup}
	s := &n.sources[e.source]
	if !s.hasRecords() {
		return id
	}
	h := combinationHash(s.name)
	for _, field := range s.dimensions {
		h = hashDimension(h, s.schema.Fields[field].Name, e.cells[field])
	}
	quantity, _ := scaled(e.cells[s.quantity], s.decimals()) // proven by the readers, or by eventOf
	id.content = usageContent(accountHash(e.account), h, e.occurred, quantity)
	return id
}

// settleRefused deals with an item that a rule refused: for good, or to be
// tried again until the window ends.
func (n *night) settleRefused(out *tables, it *item, r *rating.Rejection) {
	isNew := it.held == nil || it.held.Reason != string(r.Reason)
	waits, status := n.endRefused(&out.ends[it.source], it.rows, isNew, n.since(it), r)
	if waits {
		out.held = append(out.held, n.holdItem(it, string(r.Reason), calendar.None))
	}
	if status != "" {
		out.rejects = append(out.rejects, n.rejectRow(it, r.Reason, r.Detail, status))
	}
	if !waits && it.group != nil && it.held == nil {
		out.rejected[it.group.key] = struct{}{}
	}
}

// endRefused counts rows that a rule refused, and tells whether they wait, and
// as what they stand among the rejects: empty where they do already.
func (n *night) endRefused(e *rowEnds, rows int64, isNew bool, since calendar.Day, r *rating.Rejection) (waits bool, status string) {
	if isNew && !r.Reason.Refusal() {
		e.alarming += rows
	}
	expired := since+calendar.Day(n.Catalog.WindowDays) <= n.day // tomorrow it is outside the window
	if waits = r.Reason.Retryable() && !expired; waits {
		e.putAside += rows
	} else {
		e.rejected += rows
	}
	switch {
	case waits && !isNew:
		return true, ""
	case r.Reason.Retryable() && expired:
		return false, writtenOff
	}
	return waits, rejectOpen
}

// since is the day from which the window of an item that waits is counted: its
// own, but for a customer, whose row may be of any day.
func (n *night) since(it *item) calendar.Day {
	switch {
	case n.sources[it.source].role != customerRows:
		return it.day()
	case it.held != nil:
		return calendar.Day(it.held.FirstSeen)
	}
	return n.day
}

func (n *night) rejectRow(it *item, reason rating.Reason, detail, status string) writers.Reject {
	h := n.holdItem(it, "", calendar.None)
	return writers.Reject{
		Source: h.Source, File: h.File, Row: h.Row, Rows: it.rows, AccountID: h.AccountID, Reason: string(reason), Detail: detail,
		Retryable: reason.Retryable() && status == rejectOpen, FirstSeen: h.FirstSeen, Status: status,
	}
}

// park puts an account aside: nothing is issued for it from the day on, and
// its rows wait for the next night.
func (n *night) park(out *tables, w *accountWork, day calendar.Day, reason string) {
	p := writers.ParkedAccount{AccountID: string(w.id), Reason: reason, Since: int32(day)}
	for i := range w.items {
		it := &w.items[i]
		if it.runDay < day {
			continue
		}
		e := &out.ends[it.source]
		if it.held != nil {
			e.takenUp += it.rows
		}
		e.putAside += it.rows
		p.RowsHeld += it.rows
		if n.takes(it) {
			out.ids = append(out.ids, n.idOf(it.event))
		}
		n.noteRecycled(out, it)
		out.held = append(out.held, n.holdItem(it, parked, it.runDay))
	}
	out.parked = append(out.parked, p)
}

// holdItem puts a row or group aside whole.
func (n *night) holdItem(it *item, reason string, billingDay calendar.Day) writers.Held {
	s := &n.sources[it.source]
	h := writers.Held{Source: s.name, Rows: it.rows, Reason: reason, FirstSeen: int32(n.day), BillingDay: int32(billingDay)}
	h.File, h.Row = n.fileAndRow(it)
	if it.held != nil {
		h.AccountID, h.FirstSeen = it.held.AccountID, it.held.FirstSeen
	}
	if e := it.event; e != nil {
		h.AccountID, h.EventKey, h.EventID, h.Payload = e.account, eventKey(e.hi, e.lo), e.id, e.payload(s)
		h.OccurredAt, h.ServiceDate = e.occurred, int32(e.day)
		return h
	}
	h.Payload = n.groupPayload(s, it.group)
	h.ServiceDate, h.OccurredAt = int32(it.group.day), n.Catalog.Zone.Midnight(it.group.day)
	if it.held == nil {
		h.AccountID = n.accounts.name(it.group.key.account())
	}
	return h
}

// payload is the group's columns as JSON, for the held table.
func (n *night) groupPayload(s *source, g *usageGroup) string {
	columns := map[string]string{s.schema.Fields[s.quantity].Name: g.quantity.String()}
	for i, field := range s.dimensions {
		if v := n.values(g)[i]; v != "" {
			columns[s.schema.Fields[field].Name] = v
		}
	}
	return jsonOf(columns)
}
