//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"compileo/internal/dataset"
)

// lockDir takes the directory's lock for as long as the file is open; a killed process loses it. The file holds the
// process id of whoever has it and is never removed, as another process may wait to open it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, dataset.Errorf(dataset.Unavailable, "lock %s: %w", dir, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid, _ := io.ReadAll(io.LimitReader(f, 20))
		_ = f.Close()
		return nil, dataset.Errorf(dataset.Conflict, "the data directory %s is in use by process %s: end that program or choose another directory",
			dir, strings.TrimSpace(string(pid)))
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	}
	// On a full disk the number is missing, the lock holds all the same.
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		_ = f.Close()
		return nil, dataset.Errorf(dataset.Unavailable, "lock %s: %w", dir, err)
	}
	return f, nil
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return dataset.Errorf(dataset.Unavailable, "sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return dataset.Errorf(dataset.Unavailable, "sync %s: %w", dir, err)
	}
	return nil
}

// diskFull tells the failure of a write for want of space from others, where the database does not.
func diskFull(dir string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(dir, &st) == nil && uint64(st.Bavail)*uint64(st.Bsize) < 64<<10
}
