package export

import (
	"context"
	"fmt"
	"slices"

	"archiver/internal/archive"
)

// Source is the log that is exported.
type Source interface {
	Accounts(context.Context) ([]archive.Account, error)
	// ObservationsAfter reads the log of all accounts in order, with bodies; it
	// returns at least one observation while there is one.
	ObservationsAfter(ctx context.Context, after archive.ObservationID, limit int) ([]archive.Observation, error)
	// Gaps lists the gaps of all accounts for "", in the order recorded.
	Gaps(ctx context.Context, account string) ([]archive.Gap, error)
}

// Record is one thing of an export; exactly one field is set.
type Record struct {
	Account     *archive.Account
	Observation *archive.Observation // with Body
	Gap         *archive.Gap
}

// Handler writes records in one format. An error ends the export.
type Handler interface {
	Record(Record) error
	// Close writes what ends the format. It is not called after an error.
	Close() error
}

// pageObservations is how many observations are read at a time.
const pageObservations = 200

// stream gives a handler the accounts, then the observations in the order of
// the log, each gap after the observation that came before it.
func stream(ctx context.Context, src Source, h Handler, progress func(records int64)) (records int64, err error) {
	s := &sending{h: h, progress: progress}
	if err := s.accounts(ctx, src); err != nil {
		return s.records, err
	}
	gaps, err := src.Gaps(ctx, "")
	if err != nil {
		return s.records, fmt.Errorf("read gaps: %w", err)
	}
	slices.SortStableFunc(gaps, func(a, b archive.Gap) int { return int(min(max(a.After-b.After, -1), 1)) })
	for after := archive.ObservationID(0); ; {
		page, err := src.ObservationsAfter(ctx, after, pageObservations)
		if err != nil {
			return s.records, fmt.Errorf("read observations after %s: %w", after, err)
		}
		for i := range page {
			if gaps, err = s.gapsBefore(page[i].ID, gaps); err != nil {
				return s.records, err
			}
			if err := s.send(Record{Observation: &page[i]}); err != nil {
				return s.records, err
			}
			after = page[i].ID
		}
		if len(page) == 0 {
			_, err := s.gapsBefore(after+1, gaps)
			return s.records, err
		}
	}
}

// sending counts what a handler was given.
type sending struct {
	h        Handler
	progress func(int64)
	records  int64
}

func (s *sending) send(r Record) error {
	if err := s.h.Record(r); err != nil {
		return err
	}
	s.records++
	if s.progress != nil {
		s.progress(s.records)
	}
	return nil
}

func (s *sending) accounts(ctx context.Context, src Source) error {
	all, err := src.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("read accounts: %w", err)
	}
	for i := range all {
		if err := s.send(Record{Account: &all[i]}); err != nil {
			return err
		}
	}
	return nil
}

// gapsBefore sends the gaps whose place is before an observation and returns
// the rest.
func (s *sending) gapsBefore(id archive.ObservationID, gaps []archive.Gap) ([]archive.Gap, error) {
	for len(gaps) > 0 && gaps[0].After < id {
		if err := s.send(Record{Gap: &gaps[0]}); err != nil {
			return gaps, err
		}
		gaps = gaps[1:]
	}
	return gaps, nil
}
