// Package embedded keeps the table, the objects and the queues of Compileo in one directory of one machine.
//
// The directory holds compileo.db (SQLite in WAL mode, with its -wal and -shm files), blobs/ with one file for
// each object above 64 KiB, and lock. One program at a time has it open. What was answered without an error is
// on the disk: every commit is synced, and a kill or a power cut at any moment leaves each write whole or absent.
//
// All writes pass one goroutine, which runs those that wait together in one transaction (a group) and then
// answers each. Within a group they see each other's effects in order; a write that is refused changes
// nothing. When the transaction itself fails (disk full), all of the group fail with Unavailable, and the
// next group tries anew. Reads go through a few connections of their own and never wait for writes.
// Ranges of large objects need none: the files that were read last stay open.
package embedded
