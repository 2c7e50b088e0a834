package readers

import (
	"context"

	"gocloud.dev/blob"

	"ratemill/rating/calendar"
)

// OpenMapped opens an export that is laid out as a Mapping says.
func OpenMapped(ctx context.Context, bucket *blob.Bucket, file File, schema *Schema, m *Mapping, zone calendar.Zone) (*Export, error) {
	return openLaidOut(ctx, bucket, file, schema, m.Layout, zone)
}
