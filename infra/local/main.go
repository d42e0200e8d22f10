// Command compileo turns documents into training datasets on one machine: the whole system in one program, with
// an embedded default for everything. `compileo help` says how to use it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"compileo/internal/dataset"
)

// Exit codes, for scripts.
const (
	exitOK          = 0
	exitFailed      = 1   // the job ran and failed, or the program did
	exitUsage       = 2   // the command line or the input is wrong: repeating it changes nothing
	exitBusy        = 3   // another program has the data directory
	exitUnavailable = 4   // the disk is full, or something outside failed: the same command may succeed later
	exitInterrupted = 130 // Ctrl-C; the same command goes on where it was
)

const usage = `compileo turns documents into training datasets for language models.

usage:
  compileo generate PATH... -o FILE [flags]   make a dataset of files and folders
  compileo serve [flags]                      serve the HTTP API and the console
  compileo version                            print the version
  compileo help                               print this; "compileo generate --help" has the flags, and "compileo serve --help"

exit codes: 0 done · 1 failed · 2 wrong input · 3 data directory in use · 4 try again later · 130 interrupted
`

// version is set by the build.
var version = "dev"

// How far the heap grows between collections, in percent of what is in use, unless GOGC says otherwise. Making entries
// allocates much and holds little: to collect half as often saves a tenth of the processor's time. Choosing among them
// holds all at once.
const (
	whileMaking   = 200
	whileChoosing = 100
)

func collectAt(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

func main() {
	collectAt(whileMaking)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once, which loses nothing either
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run carries out one command and returns its exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	command := "help"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "generate":
		err = generate(ctx, args, getenv, stdout, stderr)
	case "serve":
		err = serve(ctx, args, getenv, stdout, stderr)
	case "version", "--version", "-version":
		_, err = fmt.Fprintln(stdout, "compileo", version)
	case "help", "--help", "-help", "-h":
		_, err = io.WriteString(stdout, usage)
	default:
		err = dataset.Errorf(dataset.Invalid, "unknown command %q; commands: generate, serve, version, help", command)
	}
	if err != nil && !errors.Is(err, errReported) && !errors.Is(err, errInterrupted) {
		fmt.Fprintln(stderr, "compileo:", message(err))
	}
	return exitCode(err)
}

// errReported is an error that the user has been told of.
var errReported = errors.New("reported")

// errInterrupted ends a command on Ctrl-C, of which the user has been told.
var errInterrupted = errors.New("interrupted")

// message is what a user is told, on one line.
func message(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if exitCode(err) == exitUnavailable {
		text += "; nothing is lost: the same command goes on from here"
	}
	return text
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errReported):
		return exitFailed
	}
	switch dataset.KindOf(err) {
	case dataset.Invalid, dataset.NotFound:
		return exitUsage
	case dataset.Conflict:
		return exitBusy
	case dataset.Unavailable, dataset.Throttled:
		return exitUnavailable
	}
	return exitFailed
}
