package pipeline

import (
	"testing"

	"ratemill/rating"
)

// An account that the state keeps though it never signed up has no index from
// there: its rows and groups of the night still come to it.
func TestRowsOfAnAccountThatNeverSignedUp(t *testing.T) {
	n := &night{accounts: newNames[uint64](maxAccounts)}
	index, err := n.account("has rows")
	if err != nil {
		t.Fatal(err)
	}
	n.accountHashes, n.stateAccounts, n.places = n.accounts.all(), []uint32{unnamed, unnamed}, make(accountPlaces, 1)
	var g gathering
	g.begin(n, bucketStates{accounts: []rating.Account{{ID: "has none"}, {ID: "has rows"}}})
	if none, rows, groups := g.of(n, "has none"), g.of(n, "has rows"), g.at(n, index); none != 0 || rows != 1 || groups != 1 || len(g.work) != 2 {
		t.Errorf("the accounts are at %d and %d, the groups of the second one at %d of %d", none, rows, groups, len(g.work))
	}
	if g.work[0].hash != accountHash("has none") || g.work[1].hash != accountHash("has rows") {
		t.Error("an account has another hash")
	}
}
