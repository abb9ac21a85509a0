package index

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"archiver/internal/archive"
)

// checkSums reads every segment below a generation against the checksum in its
// last four bytes, which Bleve writes and never looks at: one changed bit in a
// segment can otherwise hide a message. A reader that has found a segment whole
// does not read it again for the next snapshot.
func (x *Index) checkSums(path string) error {
	segments, err := filepath.Glob(filepath.Join(path, "store", "*.zap"))
	if err != nil {
		return err
	}
	whole := make(map[string]fs.FileInfo, len(segments))
	for _, s := range segments {
		name := filepath.Base(s)
		info, err := os.Stat(s)
		if err != nil {
			return err
		}
		if known, ok := x.sums[name]; !ok || !os.SameFile(known, info) || known.Size() != info.Size() || !known.ModTime().Equal(info.ModTime()) {
			err := checkSum(s)
			if err != nil && x.copied {
				// The writer was not done with it, so what the copy lists does
				// not need it; if it does, that shows when the copy is opened.
				if err := os.Remove(s); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return fmt.Errorf("segment %s: %w", name, err)
			}
		}
		whole[name] = info
	}
	if x.sums != nil {
		clear(x.sums)
		maps.Copy(x.sums, whole)
	}
	return nil
}

const sumBytes = 4

func checkSum(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < sumBytes {
		return fmt.Errorf("it is cut off: %w", archive.ErrUnavailable)
	}
	sum := crc32.NewIEEE()
	if _, err := io.CopyN(sum, f, info.Size()-sumBytes); err != nil {
		return err
	}
	var want [sumBytes]byte
	if _, err := io.ReadFull(f, want[:]); err != nil {
		return err
	}
	if sum.Sum32() != binary.BigEndian.Uint32(want[:]) {
		return fmt.Errorf("it is damaged: %w", archive.ErrUnavailable)
	}
	return nil
}
