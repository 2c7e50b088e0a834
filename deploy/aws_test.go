package deploy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// policy is an IAM policy, as far as ours use the language.
type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource words
		NotResource      string
		Principal        map[string]string
		Condition        map[string]map[string]string
	}
}

// words are one text or several.
type words []string

func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}

func readPolicy(t *testing.T, name string) policy {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("aws", name))
	if err != nil {
		t.Fatal(err)
	}
	var p policy
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	same(t, name+": Version", p.Version, "2012-10-17")
	for _, s := range p.Statement {
		effect := "Allow"
		if name == "history-create-only.json" {
			effect = "Deny"
		}
		same(t, name+": Effect of "+s.Sid, s.Effect, effect)
		if !regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString(s.Sid) {
			t.Errorf("%s: Sid %q", name, s.Sid)
		}
		if slices.ContainsFunc(s.Action, func(a string) bool { return strings.Contains(a, "*") }) {
			t.Errorf("%s: %v allows by wildcard", name, s.Action)
		}
	}
	return p
}

// grants are the actions of policies and what each is allowed on, as docs/s3.md
// says it: the bucket, the prefix or what is below the prefix.
func grants(t *testing.T, bucket, prefix string, names ...string) map[string]string {
	all := map[string]string{}
	for _, name := range names {
		for _, s := range readPolicy(t, name).Statement {
			same(t, name+": resources of "+s.Sid, len(s.Resource), 1)
			on, of := strings.CutPrefix(s.Resource[0], "arn:aws:s3:::"+bucket)
			if !of {
				t.Errorf("%s: %s is not of bucket %s", name, s.Resource[0], bucket)
			}
			for _, action := range s.Action {
				if _, twice := all[action]; twice {
					t.Errorf("%s: %s is allowed twice", name, action)
				}
				switch below, within := strings.CutPrefix(on, "/"+prefix); {
				case on == "":
					all[action] = "the bucket"
				case within:
					all[action] = "the prefix, `" + below + "`"
				default:
					t.Errorf("%s: %s on %s", name, action, on)
				}
			}
		}
	}
	return all
}

// manual is what docs/s3.md asks for below a line of the text, by action.
func manual(t *testing.T, below string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/s3.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n"+below+"\n\n")
	if !found {
		t.Fatalf("docs/s3.md has no line %q", below)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	all := map[string]string{}
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		on := strings.TrimSuffix(strings.TrimSpace(cells[1]), " alone")
		for _, action := range regexp.MustCompile("`(s3:[A-Za-z]+)`").FindAllStringSubmatch(cells[0], -1) {
			all[action[1]] = on
		}
	}
	return all
}

// TestPoliciesAreThoseOfTheManual: nothing less, and nothing more.
func TestPoliciesAreThoseOfTheManual(t *testing.T) {
	same(t, "reading", grants(t, "acme-usage", "exports", "exports-read.json"), manual(t, "For the exports and the catalog, reading:"))
	same(t, "writing", grants(t, "acme-billing", "history", "history-write.json", "history-gc.json"), manual(t, "For the history:"))
}

// TestNothingIssuedCanBeDeleted, by whatever the manual says.
func TestNothingIssuedCanBeDeleted(t *testing.T) {
	files, err := filepath.Glob("aws/*.json")
	if err != nil || len(files) != 6 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		for _, s := range readPolicy(t, filepath.Base(f)).Statement {
			deletes := slices.ContainsFunc(s.Action, func(a string) bool { return strings.Contains(a, "Delete") })
			if deletes && !slices.Equal(s.Resource, words{"arn:aws:s3:::acme-billing/history/_staging/*"}) {
				t.Errorf("%s: %v on %v", f, s.Action, s.Resource)
			}
		}
	}
}

// TestNothingIssuedCanBeReplaced: whoever writes beside staging asks for no
// object of that name, but for the parts of an upload, which cannot.
func TestNothingIssuedCanBeReplaced(t *testing.T) {
	deny := readPolicy(t, "history-create-only.json").Statement
	same(t, "statements", len(deny), 1)
	same(t, "action", deny[0].Action, words{"s3:PutObject"})
	same(t, "resource", deny[0].Resource, words(nil))
	same(t, "beside", deny[0].NotResource, "arn:aws:s3:::acme-billing/history/_staging/*")
	same(t, "condition", deny[0].Condition, map[string]map[string]string{
		"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"},
	})
}

// TestTrust: the roles trust the service account of the manifests alone.
func TestTrust(t *testing.T) {
	irsa := readPolicy(t, "trust-irsa.json").Statement[0]
	same(t, "IRSA's action", irsa.Action, words{"sts:AssumeRoleWithWebIdentity"})
	_, issuer, _ := strings.Cut(irsa.Principal["Federated"], ":oidc-provider/")
	same(t, "IRSA's condition", irsa.Condition, map[string]map[string]string{"StringEquals": {
		issuer + ":aud": "sts.amazonaws.com", issuer + ":sub": "system:serviceaccount:ratemill:ratemill",
	}})
	pod := readPolicy(t, "trust-pod-identity.json").Statement[0]
	same(t, "Pod Identity's principal", pod.Principal, map[string]string{"Service": "pods.eks.amazonaws.com"})
	same(t, "Pod Identity's actions", pod.Action, words{"sts:AssumeRole", "sts:TagSession"})
	same(t, "Pod Identity's condition", pod.Condition, map[string]map[string]string{"StringEquals": {
		"aws:RequestTag/kubernetes-namespace": "ratemill", "aws:RequestTag/kubernetes-service-account": "ratemill",
	}})
}
