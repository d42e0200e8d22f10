package cloud

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"compileo/internal/dataset"
)

// sent is a SendMessageBatch.
type sent struct {
	Entries []struct {
		Id, MessageBody, MessageGroupId string
		DelaySeconds                    int
	}
}

func batch(t testing.TB, r request) (s sent) {
	t.Helper()
	if err := json.Unmarshal(r.body, &s); err != nil || r.op != "SendMessageBatch" {
		t.Fatalf("%s %s: %v", r.op, r.body, err)
	}
	return s
}

// refuse answers a batch with failed entries.
func refuse(code string, senderFault bool, ids ...string) reply {
	var list []string
	for _, id := range ids {
		list = append(list, fmt.Sprintf(`{"Id": %q, "Code": %q, "SenderFault": %t, "Message": "no"}`, id, code, senderFault))
	}
	return reply{body: `{"Successful": [], "Failed": [` + strings.Join(list, ",") + `]}`}
}

func TestEntries(t *testing.T) {
	f, _, _, q, _ := serve(nil)
	err := q.Send(t.Context(), "q",
		dataset.Message{Body: []byte("ä\t\n"), Group: "tenant-1", Delay: time.Nanosecond},
		dataset.Message{Body: []byte("b"), Delay: dataset.MaxDelay})
	if err != nil || len(f.got) != 1 {
		t.Fatalf("Send = %v after %d requests, want one", err, len(f.got))
	}
	got := batch(t, f.got[0]).Entries
	if len(got) != 2 || got[0].MessageBody != "ä\t\n" || got[0].MessageGroupId != "tenant-1" || got[0].DelaySeconds != 1 ||
		got[1].MessageGroupId != "" || got[1].DelaySeconds != 900 || got[0].Id == got[1].Id {
		t.Errorf("entries = %+v", got)
	}
}

func TestBatchesKeepTheLimits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		var messages []dataset.Message
		for i := range 25 + rng.IntN(15) {
			size := 10 + rng.IntN(50)
			if rng.IntN(3) == 0 {
				size = dataset.MaxMessage - rng.IntN(10)
			}
			messages = append(messages, dataset.Message{Body: fmt.Appendf(nil, "%08d%s", i, strings.Repeat("x", size-8))})
		}
		f, _, _, q, _ := serve(nil)
		if err := q.Send(t.Context(), "q", messages...); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range f.got {
			size := 0
			entries := batch(t, r).Entries
			for _, e := range entries {
				if e.MessageBody != string(messages[n].Body) {
					t.Fatalf("message %d is not the one sent", n)
				}
				size, n = size+len(e.MessageBody), n+1
			}
			if len(entries) < 1 || len(entries) > batchEntries || size > batchBytes {
				t.Errorf("a batch of %d entries and %d bytes", len(entries), size)
			}
		}
		if n != len(messages) {
			t.Errorf("%d of %d messages were sent", n, len(messages))
		}
	}
}

func TestRefusedEntriesAreSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, _, _, q, _ := serve(func(_ request, n int) reply {
			return []reply{refuse("InternalError", false, "1", "3"), refuse("RequestThrottled", true, "0"), {}}[min(n, 2)]
		})
		var messages []dataset.Message
		for i := range 4 {
			messages = append(messages, dataset.Message{Body: fmt.Append(nil, i)})
		}
		if err := q.Send(t.Context(), "q", messages...); err != nil {
			t.Fatal(err)
		}
		var bodies []string
		for _, r := range f.got {
			var body strings.Builder
			for _, e := range batch(t, r).Entries {
				body.WriteString(e.MessageBody)
			}
			bodies = append(bodies, body.String())
		}
		if got := strings.Join(bodies, " "); got != "0123 13 1" {
			t.Errorf("sent %q, want all, then what was refused, then what was refused of that", got)
		}
	})
}

func TestRefusedForGood(t *testing.T) {
	for _, c := range []struct {
		code   string
		sender bool
		want   dataset.Kind
		tries  int
	}{
		{"InternalError", false, dataset.Unavailable, sendTries},
		{"Unheard", false, dataset.Unavailable, sendTries},
		{"RequestThrottled", true, dataset.Throttled, sendTries},
		{"InvalidMessageContents", true, dataset.Invalid, 1},
		{"KmsAccessDenied", true, dataset.Internal, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			f, _, _, q, _ := serve(func(request, int) reply { return refuse(c.code, c.sender, "0") })
			err := q.Send(t.Context(), "q", dataset.Message{Body: []byte("x")})
			if wantKind(t, c.code, err, c.want); len(f.got) != c.tries {
				t.Errorf("%s: %d tries, want %d", c.code, len(f.got), c.tries)
			}
		})
	}
	_, _, _, q, _ := serve(func(request, int) reply { return refuse("InternalError", false, "7") })
	wantKind(t, "an entry that was not sent", q.Send(t.Context(), "q", dataset.Message{Body: []byte("x")}), dataset.Internal)
}

func TestMessagesThatAreNotSent(t *testing.T) {
	good := dataset.Message{Body: []byte("x")}
	for name, bad := range map[string]dataset.Message{
		"control character": {Body: []byte("a\x00")}, "no UTF-8": {Body: []byte("\xff")}, "no character": {Body: []byte("\uffff")},
		"long group": {Body: []byte("x"), Group: strings.Repeat("g", dataset.MaxGroup+1)}, "spaced group": {Body: []byte("x"), Group: "a b"},
	} {
		f, _, _, q, _ := serve(nil)
		wantKind(t, name, q.Send(t.Context(), "q", good, bad), dataset.Invalid)
		if len(f.got) != 0 {
			t.Errorf("%s: %d requests, want none", name, len(f.got))
		}
	}
	_, _, _, q, _ := serve(nil)
	wantKind(t, "unknown queue", q.Send(t.Context(), "other", good), dataset.NotFound)
}

func BenchmarkQueueSend(b *testing.B) {
	f, _, _, q, _ := serve(nil)
	messages := make([]dataset.Message, 10)
	for i := range messages {
		messages[i] = dataset.Message{Body: []byte(`{"job": "local_job", "lane": 3}`), Group: "local"}
	}
	for b.Loop() {
		if err := q.Send(b.Context(), "q", messages...); err != nil {
			b.Fatal(err)
		}
		f.got = f.got[:0]
	}
}
