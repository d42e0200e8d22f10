package api

import (
	"context"

	"compileo/internal/dataset"
)

type tenantKey struct{}

// asTenant is the context of a request of that tenant.
func asTenant(ctx context.Context, t dataset.Tenant) context.Context {
	callOf(ctx).tenant = t
	return context.WithValue(ctx, tenantKey{}, t)
}

// tenantOf is who asks.
func tenantOf(ctx context.Context) dataset.Tenant {
	if t, ok := ctx.Value(tenantKey{}).(dataset.Tenant); ok {
		return t
	}
	return dataset.LocalTenant
}
