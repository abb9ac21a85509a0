package store

import (
	"math"

	"archiver/internal/archive"
)

// What only the history shows stands behind the live message that is the last
// before it by the clock; live messages stand as they came, whatever their
// clocks say. So the order does not depend on which of the two was read first.

// placeAt is the live message that one of a time comes after; 0 for none. One
// whose time is unknown comes after all there are.
func (a *applier) placeAt(conv rowID, at archive.Time) (place archive.EventID, err error) {
	scan := func(r row) { place = archive.EventID(r.int()) }
	if !at.Known() {
		_, err = one(a.conn, `SELECT place FROM message WHERE conversation = ? AND live = 1 ORDER BY place DESC LIMIT 1`, scan, conv)
		return place, err
	}
	_, err = one(a.conn, `SELECT place FROM message WHERE conversation = ? AND live = 1 AND time <= ? ORDER BY time DESC, place DESC LIMIT 1`,
		scan, conv, at)
	return place, err
}

// reorder puts the messages of the history between a new live one and the next
// by the clock behind it.
func (a *applier) reorder(conv rowID, at archive.Time) error {
	if !at.Known() {
		return nil
	}
	if err := exec(a.conn, `UPDATE message SET place = ?1 WHERE conversation = ?2 AND live = 0 AND time >= ?3
			AND time < ifnull((SELECT min(l.time) FROM message l WHERE l.conversation = ?2 AND l.live = 1 AND l.time > ?3), ?4)`,
		a.event, conv, at, int64(math.MaxInt64)); err != nil || a.conn.Changes() == 0 {
		return err
	}
	return a.lastMessage(conv)
}

// reorderAround puts the messages of the history in their places again after a
// live one was given another time.
func (a *applier) reorderAround(known archive.EventID, at archive.Time) error {
	if !at.Known() {
		return nil
	}
	conv := rowID(0)
	found, err := one(a.conn, `SELECT conversation FROM message m WHERE event = ?
		AND EXISTS (SELECT 1 FROM message l WHERE l.conversation = m.conversation AND l.live = 0)`,
		func(r row) { conv = rowID(r.int()) }, known)
	if err != nil || !found {
		return err
	}
	if err := exec(a.conn, `UPDATE message SET place = ifnull((SELECT l.place FROM message l
			WHERE l.conversation = ?1 AND l.live = 1 AND l.time <= message.time ORDER BY l.time DESC, l.place DESC LIMIT 1), 0)
		WHERE conversation = ?1 AND live = 0 AND time IS NOT NULL`, conv); err != nil {
		return err
	}
	return a.lastMessage(conv)
}

// lastMessage finds a conversation's newest message.
func (a *applier) lastMessage(conv rowID) error {
	return exec(a.conn, `UPDATE conversation SET last_message = (SELECT event FROM message WHERE conversation = ?1
		ORDER BY place DESC, place_time DESC, event DESC LIMIT 1) WHERE n = ?1`, conv)
}
