package importer

import (
	"context"
	"fmt"

	"archiver/internal/archive"
)

// A batch is committed when it holds this many observations or bytes.
const (
	batchObservations = 500
	batchBytes        = 4 << 20
)

// job is the reading of one file.
type job struct {
	log     Log
	in      *input
	account string // Options.Account
	report  *Report

	batch  []archive.Observation
	size   int                              // bytes of the bodies in batch
	events int64                            // in batch
	last   map[string]archive.ObservationID // by account: its last observation's place in the log

	moreSkipped, moreProblems int // what the report's lists have no room for
}

func (j *job) run(ctx context.Context) error {
	head, err := j.in.head(ctx)
	if err != nil {
		return err
	}
	if j.in.utf16 {
		j.note("the file is UTF-16; its bodies were turned into UTF-8, as servers send them")
	}
	j.last = make(map[string]archive.ObservationID)
	f := formatOf(head)
	j.report.Format = f.name
	if err = f.read(ctx, j); err == nil {
		err = j.flush(ctx)
	}
	j.noteMore("skipped", j.moreSkipped)
	j.noteMore("problems", j.moreProblems)
	return err
}

// add puts an observation of so many events into the batch.
func (j *job) add(ctx context.Context, o archive.Observation, events int) error {
	j.batch = append(j.batch, o)
	j.size += len(o.Body)
	j.events += int64(events)
	if len(j.batch) < batchObservations && j.size < batchBytes {
		return nil
	}
	return j.flush(ctx)
}

// flush commits the batch and counts what was committed.
func (j *job) flush(ctx context.Context) error {
	if len(j.batch) == 0 {
		return nil
	}
	appended, err := j.log.AppendObservations(ctx, j.batch, nil)
	if err != nil {
		return err
	}
	for i, a := range appended {
		j.last[j.batch[i].Account] = a.ID
		if a.New {
			j.report.New++
		} else {
			j.report.Duplicates++
		}
	}
	j.report.Observations += int64(len(j.batch))
	j.report.Events += j.events
	clear(j.batch) // lets go of the bodies
	j.batch, j.size, j.events = j.batch[:0], 0, 0
	return nil
}

func (j *job) skipped(line int, reason string) {
	if len(j.report.Skipped) == MaxLines {
		j.moreSkipped++
		return
	}
	j.report.Skipped = append(j.report.Skipped, Line{line, reason})
}

func (j *job) problem(line int, reason string) {
	if len(j.report.Problems) == MaxLines {
		j.moreProblems++
		return
	}
	j.report.Problems = append(j.report.Problems, Line{line, reason})
}

func (j *job) note(text string) { j.report.Notes = append(j.report.Notes, text) }

func (j *job) noteMore(list string, n int) {
	if n > 0 {
		j.note(fmt.Sprintf("%s lists the first %d lines; there were %d more", list, MaxLines, n))
	}
}
