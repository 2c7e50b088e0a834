package readers

import (
	"context"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
)

func OpenMapped(ctx context.Context, bucket *blob.Bucket, file File, schema *Schema, m *Mapping, zone calendar.Zone) (*Export, error) {
	return Open(ctx, bucket, file.Key, file.Size, schema, zone)
}
func (e *Export) Filters() []string { return nil }
func CheckMapping(schema *Schema, m *Mapping) error { return nil }

type RuleError struct{ Field, What string }

func (r *RuleError) Error() string { return r.Field + ": " + r.What }
func ReadTable(ctx context.Context, bucket *blob.Bucket, file File, layout Layout, key, value string) (map[string]string, error) {
	return nil, nil
}
