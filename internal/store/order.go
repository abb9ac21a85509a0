package store

import "archiver/internal/archive"

// What only the history shows stands behind the last live message that is not
// later, by the clock; live messages stand as they came, whatever their clocks
// say. So the order does not depend on which of the two was read first.

// placeAt is the live message that one of a time comes after; 0 for none. One
// whose time is unknown comes after all there are.
func (a *applier) placeAt(conv rowID, at archive.Time) (place archive.EventID, err error) {
	scan := func(r row) { place = archive.EventID(r.int()) }
	if !at.Known() {
		_, err = one(a.conn, `SELECT ifnull(max(place), 0) FROM message WHERE conversation = ? AND live`, scan, conv)
		return place, err
	}
	_, err = one(a.conn, `SELECT place FROM message WHERE conversation = ? AND live AND time <= ? ORDER BY place DESC LIMIT 1`, scan, conv, at)
	return place, err
}

// reorder puts the messages of the history that are not earlier than a new live
// one behind it.
func (a *applier) reorder(conv rowID, at archive.Time) error {
	if !at.Known() {
		return nil
	}
	if err := exec(a.conn, `UPDATE message SET place = ?1 WHERE conversation = ?2 AND NOT live AND time >= ?3`,
		a.event, conv, at); err != nil || a.conn.Changes() == 0 {
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
		AND EXISTS (SELECT 1 FROM message l WHERE l.conversation = m.conversation AND NOT l.live)`,
		func(r row) { conv = rowID(r.int()) }, known)
	if err != nil || !found {
		return err
	}
	if err := exec(a.conn, `UPDATE message SET place = ifnull((SELECT max(l.place) FROM message l
			WHERE l.conversation = ?1 AND l.live AND l.time <= message.time), 0)
		WHERE conversation = ?1 AND NOT live AND time IS NOT NULL`, conv); err != nil {
		return err
	}
	return a.lastMessage(conv)
}

// lastMessage finds a conversation's newest message.
func (a *applier) lastMessage(conv rowID) error {
	return exec(a.conn, `UPDATE conversation SET last_message = (SELECT event FROM message WHERE conversation = ?1
		ORDER BY place DESC, place_time DESC, event DESC LIMIT 1) WHERE n = ?1`, conv)
}
