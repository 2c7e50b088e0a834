package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"golang.org/x/term"
)

// logFlags are settings of every command.
type logFlags struct {
	LogFormat logFormat `help:"How log lines are written to stderr: text or json." env:"RATEMILL_LOG_FORMAT" default:"text" placeholder:"text"`
	LogLevel  logLevel  `help:"Least level of log lines: debug, info, warn or error; auto: info, but warn on a terminal, where progress is shown." env:"RATEMILL_LOG_LEVEL" default:"auto" placeholder:"auto"`
}

type logFormat string

const jsonLog logFormat = "json"

func (f *logFormat) UnmarshalText(text []byte) error {
	switch *f = logFormat(text); *f {
	case "text", jsonLog:
		return nil
	}
	return fmt.Errorf("%q is not a log format (want text or json)", text)
}

type logLevel string

func (l *logLevel) UnmarshalText(text []byte) error {
	switch *l = logLevel(text); *l {
	case "auto", "debug", "info", "warn", "error":
		return nil
	}
	return fmt.Errorf("%q is not a log level (want debug, info, warn, error or auto)", text)
}

// level is the least level that is logged.
func (l logLevel) level(terminal bool) slog.Level {
	switch {
	case l == "debug":
		return slog.LevelDebug
	case l == "error":
		return slog.LevelError
	case l == "warn", l == "auto" && terminal:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// logger writes lines for machines. No line has a row's content in it: names,
// phone numbers and addresses stay in the exports and the tables.
func (f logFlags) logger(to *screen) *slog.Logger {
	options := &slog.HandlerOptions{Level: f.LogLevel.level(to.terminal)}
	if f.LogFormat == jsonLog {
		return slog.New(slog.NewJSONHandler(to, options))
	}
	return slog.New(slog.NewTextHandler(to, options))
}

// screen is stderr. On a terminal a line can stand at its end for a while.
type screen struct {
	terminal bool

	mu    sync.Mutex
	to    io.Writer
	shown bool
}

func newScreen(to io.Writer) *screen {
	file, is := to.(*os.File)
	return &screen{to: to, terminal: is && term.IsTerminal(int(file.Fd()))}
}

// Write writes for good, in place of the line that is shown.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hide()
	return s.to.Write(p)
}

// show shows a line in place of the one that is shown; "" for none.
func (s *screen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hide()
	if line != "" {
		fmt.Fprint(s.to, line)
		s.shown = true
	}
}

func (s *screen) hide() {
	if s.shown {
		fmt.Fprint(s.to, "\r\x1b[2K")
		s.shown = false
	}
}
