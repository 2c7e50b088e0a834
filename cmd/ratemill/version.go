package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

type versionCommand struct{}

// Help is what ratemill version --help says below the flags.
func (versionCommand) Help() string {
	return `Prints the version, which stands in every run.json, and what the program was built from. The bytes of a night are promised for one version.`
}

func (versionCommand) Run(c *console) error {
	fmt.Fprintln(c.stdout, "ratemill", version())
	if built := builtFrom(); built != "" {
		fmt.Fprintln(c.stdout, built)
	}
	return nil
}

// builtFrom is the commit, the Go version and the platform of the build.
func builtFrom() string {
	parts := []string{fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)}
	if info, ok := debug.ReadBuildInfo(); ok {
		set := map[string]string{}
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
		if commit := set["vcs.revision"]; commit != "" {
			text := "commit " + commit + " of " + set["vcs.time"]
			if set["vcs.modified"] == "true" {
				text += ", with changes"
			}
			parts = append([]string{text}, parts...)
		}
	}
	return strings.Join(parts, ", ")
}

// release is set by the linker for released binaries.
var release = ""

// version is part of a night's plan: the bytes of a night are promised for
// the same version only.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
