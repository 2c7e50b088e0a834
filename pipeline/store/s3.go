package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// s3Settings are what the query of an s3:// location says, see docs/s3.md.
type s3Settings struct {
	region, profile string
	endpoint        *string
	pathStyle       bool
	sse             types.ServerSideEncryption
	kmsKey          string
	checksums       aws.RequestChecksumCalculation
	retryFor        time.Duration
	idleTimeout     time.Duration
}

// s3Parameters are all that the query may hold.
var s3Parameters = map[string]func(*s3Settings, string) error{
	"region":         func(s *s3Settings, v string) error { s.region = v; return nil },
	"profile":        func(s *s3Settings, v string) error { s.profile = v; return nil },
	"endpoint":       (*s3Settings).setEndpoint,
	"use_path_style": func(s *s3Settings, v string) error { return parseBool(&s.pathStyle, v) },
	"sse": func(s *s3Settings, v string) error {
		s.sse = types.ServerSideEncryption(v)
		return oneOf(v, types.ServerSideEncryptionAes256, types.ServerSideEncryptionAwsKms, types.ServerSideEncryptionAwsKmsDsse)
	},
	"kms_key_id": func(s *s3Settings, v string) error { s.kmsKey = v; return nil },
	"request_checksum_calculation": func(s *s3Settings, v string) error {
		s.checksums = aws.RequestChecksumCalculationWhenSupported
		if v == "when_required" {
			s.checksums = aws.RequestChecksumCalculationWhenRequired
		}
		return oneOf(v, "when_supported", "when_required")
	},
	"retry_for":    func(s *s3Settings, v string) error { return parseDuration(&s.retryFor, v) },
	"idle_timeout": func(s *s3Settings, v string) error { return parseDuration(&s.idleTimeout, v) },
}

func parseS3(u *url.URL) (*s3Settings, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, err
	}
	s := &s3Settings{retryFor: 2 * time.Minute, idleTimeout: time.Minute}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		set, known := s3Parameters[name]
		switch values := query[name]; {
		case !known:
			return nil, fmt.Errorf("unknown parameter %q (known are %s)", name, strings.Join(slices.Sorted(maps.Keys(s3Parameters)), ", "))
		case len(values) > 1:
			return nil, fmt.Errorf("parameter %s stands there %d times", name, len(values))
		case values[0] == "":
			return nil, fmt.Errorf("parameter %s has no value", name)
		default:
			if err := set(s, values[0]); err != nil {
				return nil, fmt.Errorf("parameter %s: %w", name, err)
			}
		}
	}
	if s.kmsKey != "" && s.sse != types.ServerSideEncryptionAwsKms && s.sse != types.ServerSideEncryptionAwsKmsDsse {
		return nil, errors.New("parameter kms_key_id wants sse=aws:kms")
	}
	return s, nil
}

func (s *s3Settings) setEndpoint(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is not the address of a server (want https://host or http://host:port)", redacted(u, value))
	}
	s.endpoint = &value
	return nil
}

func redacted(u *url.URL, text string) string {
	if u == nil {
		return text
	}
	return u.Redacted()
}

func parseBool(to *bool, value string) (err error) {
	if *to, err = strconv.ParseBool(value); err != nil {
		return fmt.Errorf("%q is neither true nor false", value)
	}
	return nil
}

func parseDuration(to *time.Duration, value string) (err error) {
	if *to, err = time.ParseDuration(value); err != nil || *to <= 0 {
		return fmt.Errorf("%q is not a time span (want 30s or 2m)", value)
	}
	return nil
}

func oneOf[T ~string](value string, choices ...T) error {
	names := make([]string, len(choices))
	for i, c := range choices {
		names[i] = string(c)
	}
	if !slices.Contains(names, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(names, ", "))
	}
	return nil
}

// openS3 opens a bucket in S3 or on a server that speaks its protocol.
func openS3(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	s, err := parseS3(u)
	if err != nil {
		return nil, fmt.Errorf("open %s://%s: %w", u.Scheme, u.Host+u.Path, err)
	}
	client, err := s.client(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", u, err)
	}
	bucket, err := s3blob.OpenBucket(ctx, client, u.Host, &s3blob.Options{
		EncryptionType: s.sse, KMSEncryptionID: s.kmsKey, RequestChecksumCalculation: client.Options().RequestChecksumCalculation,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", u, err)
	}
	return below(bucket, u), nil
}

func (s *s3Settings) client(ctx context.Context, u *url.URL) (*s3.Client, error) {
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(s.httpClient())}
	if s.profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.profile))
	}
	if s.region != "" {
		options = append(options, config.WithRegion(s.region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	credentials := aws.NewCredentialsCache(&reloaded{first: cfg.Credentials, options: options})
	cfg.Credentials = credentials
	if s.checksums != aws.RequestChecksumCalculationUnset {
		cfg.RequestChecksumCalculation = s.checksums
	}
	if cfg.Region == "" && (s.endpoint != nil || cfg.BaseEndpoint != nil) {
		cfg.Region = "us-east-1" // what servers other than Amazon's take, whatever they call theirs
	}
	if cfg.Region == "" {
		return nil, errors.New("no region: say it with region=, AWS_REGION or in the profile")
	}
	guard := &guard{limit: s.retryFor, location: u.String(), bucket: u.Host}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = s.pathStyle
		o.Logger = logging.Nop{} // what matters comes as an error
		if s.endpoint != nil {
			o.BaseEndpoint = s.endpoint
		}
		o.Retryer = newRetryer(credentials.Invalidate)
		// Ranges have no checksum, and the SDK would complain of each; whole
		// reads ask for theirs, see guard.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(guard, middleware.Before)
		})
	})
	guard.client = client
	return client, nil
}

// httpClient gives up on a network that is silent, and keeps as many
// connections as a night has readers and writers.
func (s *s3Settings) httpClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		dial := t.DialContext
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &impatientConn{conn, s.idleTimeout}, nil
		}
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 256, 256
	})
}

// impatientConn fails a read or write where nothing has moved for a while. A
// request as a whole has no time limit: a large one may take long.
type impatientConn struct {
	net.Conn
	limit time.Duration
}

func (c *impatientConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *impatientConn) Write(p []byte) (int, error) {
	// The reader too: it waits for the answer while the request goes out.
	if err := c.SetDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// reloaded finds credentials by the default chain, and looks the whole chain
// up again when they have expired or were refused, so that a file that was
// written anew counts.
type reloaded struct {
	first   aws.CredentialsProvider // as found when the bucket was opened
	options []func(*config.LoadOptions) error
}

// Retrieve implements aws.CredentialsProvider; the cache around it calls it
// once at a time.
func (r *reloaded) Retrieve(ctx context.Context) (aws.Credentials, error) {
	provider := r.first
	r.first = nil
	if provider == nil {
		cfg, err := config.LoadDefaultConfig(ctx, r.options...)
		if err != nil {
			return aws.Credentials{}, err
		}
		provider = cfg.Credentials
	}
	found, err := provider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = &noCredentialsError{err}
	}
	return found, err
}
