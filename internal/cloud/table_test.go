package cloud

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func row(sk string, condition int64) dataset.Write {
	return dataset.Write{Record: dataset.Record{PK: "p", SK: sk, Data: []byte(`{}`)}, If: condition}
}

func TestWriteRequests(t *testing.T) {
	deleted, checked, expiring := row("a", 7), row("a", dataset.Any), row("a", dataset.Absent)
	deleted.Delete, checked.Check, expiring.Expires = true, true, time.Unix(1_900_000_000, 1)
	anyDelete := row("a", dataset.Any)
	anyDelete.Delete = true
	for _, c := range []struct {
		name              string
		write             dataset.Write
		op                string
		condition, update string
		version, exp      string
	}{
		{"any", row("a", dataset.Any), "UpdateItem", "", "SET #data = :data, ver = if_not_exists(ver, :none) + :one REMOVE exp", "", ""},
		{"absent", expiring, "UpdateItem", isAbsent, "SET #data = :data, ver = :ver, exp = :exp", "1", "1900000001"},
		{"version", row("a", 7), "UpdateItem", isVersion, "SET #data = :data, ver = :ver REMOVE exp", "8", ""},
		{"delete", deleted, "DeleteItem", isVersion, "", "", ""},
		{"delete any", anyDelete, "DeleteItem", "", "", "", ""},
		{"check", checked, "TransactWriteItems", isAny, "", "", ""},
	} {
		f, table, _, _, _ := serve(nil)
		if err := table.Write(t.Context(), c.write); err != nil || len(f.got) != 1 || f.got[0].op != c.op {
			t.Fatalf("%s: Write = %v after %v, want one %s", c.name, err, f.got, c.op)
		}
		in := f.got[0].json(t)
		if c.op == "TransactWriteItems" {
			in = in["TransactItems"].([]any)[0].(map[string]any)["ConditionCheck"].(map[string]any)
		}
		wantField(t, in, "ConditionExpression", c.condition)
		wantField(t, in, "UpdateExpression", c.update)
		wantField(t, in, "TableName", "table")
		values, _ := in["ExpressionAttributeValues"].(map[string]any)
		wantField(t, values, ":ver", c.version)
		wantField(t, values, ":exp", c.exp)
		if want := map[string]any{"pk": map[string]any{"S": "p"}, "sk": map[string]any{"S": "a"}}; !reflect.DeepEqual(in["Key"], want) {
			t.Errorf("%s: Key = %v, want %v", c.name, in["Key"], want)
		}
	}
}

// wantField compares a text, or a number of DynamoDB; "" is a field that must not be there.
func wantField(t *testing.T, in map[string]any, name, want string) {
	t.Helper()
	got := ""
	switch v := in[name].(type) {
	case string:
		got = v
	case map[string]any:
		got = fmt.Sprint(v["N"])
	}
	if got != want {
		t.Errorf("%s = %q, want %q", name, got, want)
	}
}

func TestTransactionTriesShareAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, table, _, _, _ := serve(func(_ request, n int) reply {
			if n == 0 {
				return reply{status: 500, code: "InternalServerError"}
			}
			return reply{}
		})
		if err := table.Write(t.Context(), row("a", 1), row("b", 1)); err != nil || len(f.got) != 2 {
			t.Fatalf("Write = %v after %d requests, want success with the second", err, len(f.got))
		}
		first, second := f.got[0].json(t)["ClientRequestToken"], f.got[1].json(t)["ClientRequestToken"]
		if first == nil || first == "" || first != second {
			t.Errorf("tokens %v and %v, want the same", first, second)
		}
	})
}

func TestFailuresOfReads(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer reply
		want   dataset.Kind
		tries  int
	}{
		{"a connection that breaks", reply{status: -1}, dataset.Unavailable, 3},
		{"a server's fault", reply{status: 503, code: "ServiceUnavailable"}, dataset.Unavailable, 3},
		{"throttling", reply{status: 400, code: "ThrottlingException"}, dataset.Throttled, 3},
		{"a table that is missing", reply{status: 400, code: "ResourceNotFoundException"}, dataset.Internal, 1},
		{"an answer that is no JSON", reply{body: `{"Item": `}, dataset.Unavailable, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, table, _, _, _ := serve(func(request, int) reply { return c.answer })
			_, err := table.Get(t.Context(), "p", "a")
			if wantKind(t, c.name, err, c.want); len(f.got) != c.tries {
				t.Errorf("%s: %d tries, want %d", c.name, len(f.got), c.tries)
			}
		})
	}
}

func TestRefusedWrites(t *testing.T) {
	reasons := func(codes ...string) *types.TransactionCanceledException {
		e := &types.TransactionCanceledException{}
		for _, code := range codes {
			e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: new(code)})
		}
		return e
	}
	for _, c := range []struct {
		err  error
		kind dataset.Kind
		at   []int
	}{
		{&types.ConditionalCheckFailedException{}, dataset.Conflict, []int{0}},
		{reasons("None", "ConditionalCheckFailed", "None", "ConditionalCheckFailed"), dataset.Conflict, []int{1, 3}},
		{reasons("TransactionConflict", "ConditionalCheckFailed"), dataset.Conflict, []int{1}},
		{reasons("None", "TransactionConflict"), dataset.Throttled, nil},
		{reasons("ThrottlingError", "ProvisionedThroughputExceeded"), dataset.Throttled, nil},
		{reasons("ValidationError", "TransactionConflict"), dataset.Invalid, nil},
		{reasons("ItemCollectionSizeLimitExceeded"), dataset.Invalid, nil},
		{reasons("AccessDenied"), dataset.Internal, nil},
		{&types.TransactionCanceledException{CancellationReasons: make([]types.CancellationReason, 2)}, dataset.Internal, nil},
	} {
		err := writeError(c.err)
		wantKind(t, fmt.Sprint(c.err), err, c.kind)
		refused, ok := errors.AsType[*dataset.Refused](err)
		if ok != (c.at != nil) || ok && !slices.Equal(refused.At, c.at) {
			t.Errorf("writeError(%v) = %v, want refused at %v", c.err, err, c.at)
		}
	}
	if err := writeError(nil); err != nil {
		t.Errorf("writeError(nil) = %v", err)
	}
}

func TestWritesThatAreNotSent(t *testing.T) {
	meaningless, both := row("a", -2), row("a", 1)
	both.Delete, both.Check = true, true
	for name, writes := range map[string][]dataset.Write{
		"bytes that are no text": {row("a\xff", 1)}, "a condition below Any": {meaningless}, "delete and check": {both},
		"the same row": {row("a", 1), row("b", 1), row("a", 2)}, "nothing": nil,
	} {
		f, table, _, _, _ := serve(nil)
		wantKind(t, name, table.Write(t.Context(), writes...), dataset.Invalid)
		if len(f.got) != 0 {
			t.Errorf("%s: %d requests, want none", name, len(f.got))
		}
	}
}

func TestQueriesThatAreNotSent(t *testing.T) {
	long := strings.Repeat("x", dataset.MaxKey+1)
	for _, q := range []dataset.Query{
		{},
		{PK: long},
		{PK: "p", From: long},
		{PK: "p", To: "a\xff"},
		{PK: "p", Cursor: "!"},
		{PK: "p", Cursor: dataset.Query{PK: "q"}.CursorAt("a")},
	} {
		f, table, _, _, _ := serve(nil)
		_, err := table.Query(t.Context(), q)
		if wantKind(t, fmt.Sprintf("Query(%.80v)", q), err, dataset.Invalid); len(f.got) != 0 {
			t.Errorf("Query(%.80v) made %d requests, want none", q, len(f.got))
		}
	}
}

func TestItemsOfOthersAreInternal(t *testing.T) {
	whole := func() item {
		return item{"pk": text("p"), "sk": text("s"), "ver": number(3), "data": &types.AttributeValueMemberB{Value: []byte("1")}, "exp": number(9)}
	}
	r, err := decode(whole())
	if err != nil || r.PK != "p" || r.SK != "s" || r.Version != 3 || string(r.Data) != "1" || r.Expires.Unix() != 9 {
		t.Fatalf("decode = %+v, %v", r, err)
	}
	for _, name := range []string{"pk", "sk", "ver", "data"} {
		it := whole()
		delete(it, name)
		_, err := decode(it)
		wantKind(t, "without "+name, err, dataset.Internal)
	}
	for name, bad := range map[string]types.AttributeValue{
		"ver": &types.AttributeValueMemberN{Value: "1e99"}, "exp": text("9"), "data": text("1"),
	} {
		it := whole()
		it[name] = bad
		_, err := decode(it)
		wantKind(t, "with another "+name, err, dataset.Internal)
	}
	it := whole()
	it["exp"] = &types.AttributeValueMemberN{Value: "1.5"}
	_, err = decode(it)
	wantKind(t, "with a broken exp", err, dataset.Internal)
}

func BenchmarkTableWrite(b *testing.B) {
	f, table, _, _, _ := serve(nil)
	w := row("a", 1)
	w.Data = []byte(strings.Repeat("x", 1000))
	for b.Loop() {
		if err := table.Write(b.Context(), w); err != nil {
			b.Fatal(err)
		}
		f.got = f.got[:0]
	}
}

func BenchmarkTableGet(b *testing.B) {
	data := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 1000)))
	body := `{"Item": {"pk": {"S": "p"}, "sk": {"S": "a"}, "ver": {"N": "7"}, "data": {"B": "` + data + `"}}}`
	f, table, _, _, _ := serve(func(request, int) reply { return reply{body: body} })
	for b.Loop() {
		if r, err := table.Get(b.Context(), "p", "a"); err != nil || r.Version != 7 {
			b.Fatal(r, err)
		}
		f.got = f.got[:0]
	}
}
