package cloud

import (
	"context"
	"errors"
	"time"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The conditions. now is the present second: a row whose exp is not after it counts as absent.
const (
	isAbsent  = "attribute_not_exists(pk) OR exp <= :now"
	isVersion = "ver = :if AND (attribute_not_exists(exp) OR exp > :now)"
	isAny     = "attribute_exists(pk) OR attribute_not_exists(pk)" // a check must have a condition
)

// Write writes one row directly and several in a transaction, under one token for all tries of the SDK.
// A single write that the SDK had to repeat can be Refused by its own first try.
func (t *Table) Write(ctx context.Context, writes ...dataset.Write) error {
	if _, err := dataset.CheckWrites(writes); err != nil {
		return err
	}
	now := time.Now().Unix()
	if len(writes) == 1 && !writes[0].Check {
		return writeError(t.writeOne(ctx, t.action(writes[0], now)))
	}
	in := &dynamodb.TransactWriteItemsInput{TransactItems: make([]types.TransactWriteItem, len(writes))}
	for i, w := range writes {
		in.TransactItems[i] = t.action(w, now)
	}
	_, err := t.Client.TransactWriteItems(ctx, in) // the SDK adds a ClientRequestToken
	return writeError(err)
}

// writeOne carries out an action outside a transaction, at half the price of one within.
func (t *Table) writeOne(ctx context.Context, a types.TransactWriteItem) error {
	if d := a.Delete; d != nil {
		_, err := t.Client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: d.TableName, Key: d.Key,
			ConditionExpression: d.ConditionExpression, ExpressionAttributeValues: d.ExpressionAttributeValues,
		})
		return err
	}
	u := a.Update
	_, err := t.Client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: u.TableName, Key: u.Key, UpdateExpression: u.UpdateExpression, ConditionExpression: u.ConditionExpression,
		ExpressionAttributeNames: u.ExpressionAttributeNames, ExpressionAttributeValues: u.ExpressionAttributeValues,
	})
	return err
}

// action puts a write into DynamoDB's terms.
func (t *Table) action(w dataset.Write, now int64) types.TransactWriteItem {
	condition, values := conditionOf(w.If, now)
	switch {
	case w.Check:
		if condition == nil {
			condition = new(isAny)
		}
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &t.Name, Key: key(w.PK, w.SK), ConditionExpression: condition, ExpressionAttributeValues: values,
		}}
	case w.Delete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &t.Name, Key: key(w.PK, w.SK), ConditionExpression: condition, ExpressionAttributeValues: values,
		}}
	}
	update := "SET #data = :data, ver = :ver"
	if values == nil {
		values = item{}
	}
	values[":data"] = &types.AttributeValueMemberB{Value: w.Data}
	values[":ver"] = number(w.If + 1)
	if w.If == dataset.Any {
		update = "SET #data = :data, ver = if_not_exists(ver, :none) + :one"
		delete(values, ":ver")
		values[":none"], values[":one"] = number(0), number(1)
	}
	if w.Expires.IsZero() {
		update += " REMOVE exp"
	} else {
		update += ", exp = :exp"
		values[":exp"] = number(dataset.RoundExpires(w.Expires).Unix())
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &t.Name, Key: key(w.PK, w.SK), UpdateExpression: &update, ConditionExpression: condition,
		ExpressionAttributeNames: map[string]string{"#data": "data"}, ExpressionAttributeValues: values,
	}}
}

func conditionOf(version, now int64) (*string, item) {
	switch version {
	case dataset.Any:
		return nil, nil
	case dataset.Absent:
		return new(isAbsent), item{":now": number(now)}
	}
	return new(isVersion), item{":now": number(now), ":if": number(version)}
}

// writeError finds out what became of a write that was refused.
func writeError(err error) error {
	const op = "write records"
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok && failed != nil {
		return &dataset.Refused{At: []int{0}}
	}
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return fail(op, err)
	}
	var refused []int
	kind := dataset.Internal
	for i, reason := range cancelled.CancellationReasons {
		if reason.Code == nil || *reason.Code == "None" {
			continue
		}
		if *reason.Code == "ConditionalCheckFailed" {
			refused = append(refused, i)
		} else if k, known := kindOfCode(*reason.Code); known && kind != dataset.Invalid {
			kind = k
		}
	}
	if refused != nil {
		return &dataset.Refused{At: refused}
	}
	return &dataset.Error{Kind: kind, Detail: op, Err: err}
}
