package rating

// Reasons of rejection, in the order in which they are tried. A final one is
// not retried: the row is right and the answer is no, or the row is wrong and
// must come again corrected. A retryable one can heal, and is kept in held.
const (
	UnknownAccount   Reason = "unknown_account"   // retryable: its sign-up may be late
	AccountClosed    Reason = "account_closed"    // after the day of cancellation (rule G-2)
	BeforeSignUp     Reason = "before_sign_up"    // an event of the account from before there was one
	AlreadySignedUp  Reason = "already_signed_up" // a second signed_up
	UnknownPlan      Reason = "unknown_plan"      // the catalog has no such plan
	UnknownTerm      Reason = "unknown_term"
	UnknownCurrency  Reason = "unknown_currency" // not the catalog's
	BadDate          Reason = "bad_date"         // a trial that ends before it starts
	UnknownAction    Reason = "unknown_action"
	UnknownService   Reason = "unknown_service"   // the catalog has no such service, package or credits
	UnknownDiscount  Reason = "unknown_discount"  // the catalog has no discount of the event's offer
	UnknownStatus    Reason = "unknown_status"    // of a payment
	UnknownCharge    Reason = "unknown_charge"    // the account has no such charge, or not any more
	PaidTwice        Reason = "paid_twice"        // two attempts at one invoice have succeeded
	MissingField     Reason = "missing_field"     // what the event's type needs
	UnsupportedEvent Reason = "unsupported_event" // retryable: a later version may know it
	NotAllowed       Reason = "not_allowed"       // a rule refuses it (rule G-10)
	AccountSuspended Reason = "account_suspended" // nothing is used while suspended (rule G-9)
	ApprovalNeeded   Reason = "approval_needed"   // possible with an approval on the event
	TooEarly         Reason = "too_early"         // possible from a later day on
	MinimumTerm      Reason = "minimum_term"      // the plan is kept for a minimum term
	DoesNotFit       Reason = "does_not_fit"      // levels or users are beyond the new plan
	NoOffer          Reason = "no_offer"          // the account does not have the offer
	NotEligible      Reason = "not_eligible"      // the guarantee is not for such accounts
	NotCancelled     Reason = "not_cancelled"     // a refund before a cancellation
	TooLate          Reason = "too_late"          // cancelled after the guarantee's days
	NothingPaid      Reason = "nothing_paid"      // nothing that could be given back
	AlreadyPaid      Reason = "already_paid"      // a success is final (rule G-13)
	NoPrice          Reason = "no_price"          // retryable: the price table may get a row
	MissingPrice     Reason = "missing_price"     // the row should bring its price, and has none
	BadPrice         Reason = "bad_price"         // the price that the row brings is no plain decimal, negative or too long
	Overflow         Reason = "overflow"          // costs more than a line can hold
	NoCatalog        Reason = "no_catalog"        // retryable: no version in force on the service day
	DuplicateUser    Reason = "duplicate_user"    // of the opening book, as those that follow: a user stands twice
	UnknownFlag      Reason = "unknown_flag"      // says nothing that is known of accounts
	UnknownBalance   Reason = "unknown_balance"   // the catalog has no such balance
	DuplicateBalance Reason = "duplicate_balance" // a balance stands twice
	NegativeBalance  Reason = "negative_balance"  // accounts owe nothing in a balance
	BadAmount        Reason = "bad_amount"        // more digits than its currency or unit has
)

// Reasons for which a row is left out of billing without being wrong.
const (
	NoMeter    Reason = "no_meter"   // no meter of the catalog counts the source
	NoChange   Reason = "no_change"  // activating an active user, deactivating an inactive one (rule G-12)
	Superseded Reason = "superseded" // a reading older than the latest known

	StoreRemoved Reason = "store_removed" // nothing is charged after a removal through a store (rule CH-4)
)

// Why an amount due is not collected.
const (
	NoMethod    Reason = "no_payment_method" // none is on file (rule G-13)
	TestAccount Reason = "test_account"      // the accounts source says that it is one

	PaidByCredit Reason = "correction_credit" // open credit of a rerate has paid it
)

// Retryable tells whether a rejection for the reason can heal by itself.
func (r Reason) Retryable() bool {
	switch r {
	case UnknownAccount, UnsupportedEvent, NoPrice, NoCatalog:
		return true
	}
	return false
}

// Refusal tells whether the reason is a rule's answer rather than a mistake:
// such rejections do not count towards the allowed share (rule G-10).
func (r Reason) Refusal() bool {
	switch r {
	case NotAllowed, AccountSuspended, ApprovalNeeded, TooEarly, MinimumTerm, DoesNotFit,
		NoOffer, NotEligible, NotCancelled, TooLate, NothingPaid, AlreadyPaid:
		return true
	}
	return false
}
