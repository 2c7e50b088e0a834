package rating

// changeMethod puts another payment method on file. It must be one that the
// term takes, and the term that is pending (rule MK-13). Every unpaid charge is
// tried again with it (rule G-13), also one whose failure comes later.
func (b *billing) changeMethod(e *AccountEvent) (Reason, string) {
	a := b.account
	if e.Method == "" {
		return MissingField, "method"
	}
	for _, name := range []string{a.Term, a.PendingTerm} {
		if term := b.version.Term(name); term != nil {
			if reason, detail := refuseMethod(term, e.Method); reason != "" {
				return reason, detail
			}
		}
	}
	a.Method, a.MethodSince = e.Method, b.day
	b.noteLate(e, "")
	return "", ""
}
