package embedded

import (
	"context"
	"sync"
	"time"

	"compileo/internal/dataset"
)

// Limits of queues.
const (
	sendBatch = 1_000
	keepDead  = 14 * 24 * time.Hour // what SQS keeps a message at most
	deadPage  = 1_000
)

type queue struct{ s *Store }

func (q *queue) Send(ctx context.Context, name string, messages ...dataset.Message) error {
	if err := checkQueue(name); err != nil {
		return err
	}
	if err := dataset.CheckMessages(messages); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return ended(err)
	}
	for len(messages) > 0 {
		n, size := 0, 0
		for n < len(messages) && n < sendBatch && size < maxGroupBytes {
			size += len(messages[n].Body)
			n++
		}
		if err := q.s.write(ctx, size, func(t *tx) error { return t.addMessages(name, messages[:n]) }); err != nil {
			return err
		}
		q.s.bells.ring(name)
		messages = messages[n:]
	}
	return nil
}

// Dead returns the newest messages (at most 1,000) that a queue gave up on, oldest first. They are kept for
// 14 days. NotFound: no such queue.
func (s *Store) Dead(ctx context.Context, name string) ([][]byte, error) {
	if err := checkQueue(name); err != nil {
		return nil, err
	}
	rows, err := s.reader.query(ctx, "SELECT body FROM (SELECT id, body FROM dead WHERE queue = ? ORDER BY id DESC LIMIT ?) ORDER BY id", name, deadPage)
	if err != nil {
		return nil, s.failure("read", err)
	}
	defer rows.Close()
	var bodies [][]byte
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, s.failure("read", err)
		}
		bodies = append(bodies, body)
	}
	if err := rows.Err(); err != nil {
		return nil, s.failure("read", err)
	}
	return bodies, nil
}

func (t *tx) addMessages(queue string, messages []dataset.Message) error {
	for _, m := range messages {
		if _, err := t.exec("INSERT INTO messages (queue, grp, visible, receives, held, body) VALUES (?, ?, ?, 0, 0, ?)",
			queue, m.Group, micros(t.now.Add(m.Delay)), m.Body); err != nil {
			return err
		}
	}
	return nil
}

// delivery is a message that a consumer holds. Its number of receives tells it from later deliveries.
type delivery struct {
	id       int64
	receives int
	body     []byte
}

// claim takes up to n visible messages of a queue, one of each group in turn, and returns when the next of the
// others becomes visible (zero: there is none). Messages that were received too often go to the dead ones.
func (t *tx) claim(queue string, n int, visibility time.Duration, maxReceives int) (held []delivery, next time.Time, err error) {
	now := micros(t.now)
	for {
		took, earliest := false, int64(0)
		err := t.eachGroup(queue, func(id, visible int64, receives int) (goOn bool, err error) {
			switch {
			case visible > now:
				if earliest == 0 || visible < earliest {
					earliest = visible
				}
				return true, nil
			case receives >= maxReceives:
				took = true
				return true, t.bury(id)
			}
			d := delivery{id: id, receives: receives + 1}
			_, err = t.get("UPDATE messages SET visible = ?, receives = ?, held = 1 WHERE id = ? RETURNING body",
				[]any{now + visibility.Microseconds(), d.receives, id}, &d.body)
			held, took = append(held, d), true
			return len(held) < n, err
		})
		switch {
		case err != nil:
			return nil, time.Time{}, err
		case len(held) == n:
			return held, t.now, nil // there may be more
		case !took && earliest == 0:
			return held, time.Time{}, nil
		case !took:
			return held, time.UnixMicro(earliest), nil
		}
	}
}

// eachGroup calls do with the earliest message of each group of the queue, beginning after the group that had
// its turn last. Each group costs one step into the index, however many messages it has.
func (t *tx) eachGroup(queue string, do func(id, visible int64, receives int) (goOn bool, err error)) error {
	const columns = "SELECT id, grp, visible, receives FROM messages WHERE queue = ? "
	last := t.turns[queue]
	after, query := last, columns+"AND grp > ? ORDER BY grp, visible LIMIT 1"
	for wrapped := false; ; {
		var id, visible int64
		var group string
		var receives int
		found, err := t.get(query, []any{queue, after}, &id, &group, &visible, &receives)
		if err != nil {
			return err
		}
		if wrapped && (!found || group > last) {
			return nil
		}
		if !found { // go round to the first group, which may be ""
			wrapped, after, query = true, "", columns+"AND grp >= ? ORDER BY grp, visible LIMIT 1"
			continue
		}
		after, query = group, columns+"AND grp > ? ORDER BY grp, visible LIMIT 1"
		t.turns[queue] = group
		if goOn, err := do(id, visible, receives); err != nil || !goOn {
			return err
		}
	}
}

// bury moves a message to the dead ones and drops those that were kept long enough.
func (t *tx) bury(id int64) error {
	if _, err := t.exec("INSERT INTO dead (queue, died, body) SELECT queue, ?, body FROM messages WHERE id = ?", micros(t.now), id); err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM messages WHERE id = ?", id); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM dead WHERE died < ?", micros(t.now.Add(-keepDead)))
	return err
}

// drop deletes a handled message, unless it was delivered again meanwhile: then the later delivery decides, as in SQS.
func (t *tx) drop(d delivery) error {
	_, err := t.exec("DELETE FROM messages WHERE id = ? AND receives = ?", d.id, d.receives)
	return err
}

// giveBack makes a message visible that was not handled because its consumer ended. This does not count as a receive.
func (t *tx) giveBack(d delivery) error {
	_, err := t.exec("UPDATE messages SET visible = ?, receives = receives - 1, held = 0 WHERE id = ? AND receives = ?", micros(t.now), d.id, d.receives)
	return err
}

func checkQueue(name string) error {
	if name != dataset.GenerateQueue && name != dataset.ScoreQueue {
		return dataset.Errorf(dataset.NotFound, "no queue %.100q", name)
	}
	return nil
}

// bells wake the consumers of a queue when there is something new.
type bells struct {
	mu sync.Mutex
	of map[string]map[chan struct{}]bool
}

// listen returns a channel that holds a value once the queue was rung after it was last emptied.
func (b *bells) listen(queue string) (bell chan struct{}, stop func()) {
	bell = make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[queue] == nil {
		b.of[queue] = map[chan struct{}]bool{}
	}
	b.of[queue][bell] = true
	return bell, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.of[queue], bell)
	}
}

func (b *bells) ring(queue string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for bell := range b.of[queue] {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
}
