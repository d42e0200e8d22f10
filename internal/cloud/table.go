package cloud

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Table is dataset.Table on a DynamoDB table with the string keys pk and sk. An item also has ver (the
// version), data (the record, as bytes) and, where it expires, exp in epoch seconds: the table's TTL attribute.
//
// An unconditional put over an expired row that the TTL has not removed yet goes on counting its version.
type Table struct {
	Client *dynamodb.Client
	Name   string
}

type item = map[string]types.AttributeValue

// Get returns the row with a strongly consistent read; NotFound.
func (t *Table) Get(ctx context.Context, pk, sk string) (dataset.Record, error) {
	if err := dataset.CheckRow(pk, sk); err != nil {
		return dataset.Record{}, err
	}
	out, err := t.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.Name, Key: key(pk, sk), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return dataset.Record{}, fail("read a record", err)
	}
	if out.Item != nil {
		r, err := decode(out.Item)
		if err != nil || !r.Expired(time.Now()) {
			return r, err
		}
	}
	return dataset.Record{}, dataset.Errorf(dataset.NotFound, "no record %q %q", pk, sk)
}

// Query returns one page by strongly consistent reads.
func (t *Table) Query(ctx context.Context, q dataset.Query) (dataset.Page, error) {
	in, err := t.queryInput(q)
	if err != nil || in == nil {
		return dataset.Page{}, err
	}
	out, err := t.Client.Query(ctx, in)
	if err != nil {
		return dataset.Page{}, fail("query records", err)
	}
	page := dataset.Page{Records: make([]dataset.Record, 0, len(out.Items))}
	now := time.Now()
	for _, it := range out.Items {
		r, err := decode(it)
		if err != nil {
			return dataset.Page{}, err
		}
		if r.Expired(now) || q.To != "" && r.SK >= q.To { // BETWEEN includes its upper end
			continue
		}
		page.Records = append(page.Records, r)
	}
	if last, ok := out.LastEvaluatedKey["sk"].(*types.AttributeValueMemberS); ok {
		page.Cursor = q.CursorAt(last.Value)
	}
	return page, nil
}

// queryInput returns nil when the range is empty, which DynamoDB would refuse.
func (t *Table) queryInput(q dataset.Query) (*dynamodb.QueryInput, error) {
	after, err := dataset.CheckQuery(q)
	if err != nil {
		return nil, err
	}
	if q.To != "" && q.From >= q.To {
		return nil, nil
	}
	in := &dynamodb.QueryInput{
		TableName: &t.Name, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!q.Reverse),
		ExpressionAttributeValues: item{":pk": text(q.PK)},
	}
	condition := "pk = :pk"
	switch {
	case q.From != "" && q.To != "":
		condition += " AND sk BETWEEN :from AND :to"
	case q.From != "":
		condition += " AND sk >= :from"
	case q.To != "":
		condition += " AND sk < :to"
	}
	in.KeyConditionExpression = &condition
	if q.From != "" {
		in.ExpressionAttributeValues[":from"] = text(q.From)
	}
	if q.To != "" {
		in.ExpressionAttributeValues[":to"] = text(q.To)
	}
	if q.Limit > 0 {
		in.Limit = aws.Int32(int32(min(q.Limit, math.MaxInt32)))
	}
	if q.Cursor != "" {
		in.ExclusiveStartKey = key(q.PK, after)
	}
	return in, nil
}

func key(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

var errItem = errors.New("an item lacks pk, sk, ver or data, or one is of another type")

// decode reads an item. One that this package cannot have written is Internal.
func decode(it item) (dataset.Record, error) {
	pk, ok1 := it["pk"].(*types.AttributeValueMemberS)
	sk, ok2 := it["sk"].(*types.AttributeValueMemberS)
	ver, ok3 := it["ver"].(*types.AttributeValueMemberN)
	data, ok4 := it["data"].(*types.AttributeValueMemberB)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return dataset.Record{}, fail("read a record", errItem)
	}
	r := dataset.Record{PK: pk.Value, SK: sk.Value, Data: data.Value}
	var err error
	if r.Version, err = strconv.ParseInt(ver.Value, 10, 64); err != nil {
		return dataset.Record{}, fail("read a record", err)
	}
	if it["exp"] == nil {
		return r, nil
	}
	exp, ok := it["exp"].(*types.AttributeValueMemberN)
	if !ok {
		return dataset.Record{}, fail("read a record", errItem)
	}
	n, err := strconv.ParseInt(exp.Value, 10, 64)
	if err != nil {
		return dataset.Record{}, fail("read a record", err)
	}
	r.Expires = time.Unix(n, 0).UTC()
	return r, nil
}
