package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is what ratemill completion --help says below the flags.
func (*completionCommand) Help() string {
	return `Prints a script by which the shell completes commands and flags. It asks the program nothing: print it anew after an update.

  source <(ratemill completion bash)      in ~/.bashrc
  source <(ratemill completion zsh)       in ~/.zshrc, below compinit
  ratemill completion fish > ~/.config/fish/completions/ratemill.fish`
}

func (k *completionCommand) Run(c *console, root *kong.Kong) error {
	all := completions(root.Model.Node, nil)
	if k.Shell == "fish" {
		fishCompletion(c.stdout, all)
		return nil
	}
	if k.Shell == "zsh" {
		fmt.Fprintln(c.stdout, "autoload -U +X bashcompinit && bashcompinit")
	}
	bashCompletion(c.stdout, all)
	return nil
}

// completion is what may stand behind a command.
type completion struct {
	path     []string // the command, without the program's name
	commands []*kong.Node
	flags    []*kong.Flag
	values   []string // of the first argument, where there is a choice
}

// completions are those of a command and of all below it.
func completions(n *kong.Node, path []string) []completion {
	at := completion{path: path}
	for _, group := range n.AllFlags(true) {
		at.flags = append(at.flags, group...)
	}
	if len(n.Positional) > 0 && n.Positional[0].Enum != "" {
		at.values = n.Positional[0].EnumSlice()
	}
	var below []completion
	for _, child := range n.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			at.commands = append(at.commands, child)
			below = append(below, completions(child, append(slices.Clone(path), child.Name))...)
		}
	}
	return append([]completion{at}, below...)
}

// bashCompletion is a function that finds the command in the words so far, and
// offers what may follow it. Where nothing fits the shell offers files.
func bashCompletion(w io.Writer, all []completion) {
	var words, values strings.Builder
	for _, c := range all {
		offers := slices.Clone(c.values)
		for _, n := range c.commands {
			offers = append(offers, n.Name)
		}
		for _, f := range c.flags {
			offers = append(offers, "--"+f.Name)
			if f.Enum != "" {
				fmt.Fprintf(&values, "    %q) COMPREPLY=($(compgen -W %q -- \"$current\")); return ;;\n",
					strings.Join(append(slices.Clone(c.path), "--"+f.Name), " "), strings.Join(f.EnumSlice(), " "))
			}
		}
		fmt.Fprintf(&words, "    %q) words=%q ;;\n", strings.Join(c.path, " "), strings.Join(offers, " "))
	}
	var paths []string
	for _, c := range all[1:] {
		paths = append(paths, fmt.Sprintf("%q", strings.Join(c.path, " ")))
	}
	fmt.Fprintf(w, `_ratemill() {
  local current="${COMP_WORDS[COMP_CWORD]}" command="" next words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="${command:+$command }${COMP_WORDS[i]}"
    case "$next" in
    %s) command="$next" ;;
    esac
  done
  case "${command:+$command }${COMP_WORDS[COMP_CWORD-1]}" in
%s  esac
  case "$command" in
%s  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _ratemill ratemill
`, strings.Join(paths, "|"), values.String(), words.String())
}

// fishCompletion is a rule for each command and flag, with its help. A function
// finds the command in the words so far: schema is one, and one of catalog's.
func fishCompletion(w io.Writer, all []completion) {
	var paths []string
	for _, c := range all[1:] {
		paths = append(paths, fishText(strings.Join(c.path, " ")))
	}
	fmt.Fprintf(w, `function __ratemill_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        set -l next (string trim -- "$at $word")
        if contains -- "$next" %s
            set at $next
        end
    end
    test "$at" = "$argv[1]"
end
`, strings.Join(paths, " "))
	for _, c := range all {
		when := fmt.Sprintf("__ratemill_at %q", strings.Join(c.path, " "))
		for _, n := range c.commands {
			fmt.Fprintf(w, "complete -c ratemill -n %s -f -a %s -d %s\n", fishText(when), n.Name, fishText(n.Help))
		}
		if c.values != nil {
			fmt.Fprintf(w, "complete -c ratemill -n %s -f -a %s\n", fishText(when), fishText(strings.Join(c.values, " ")))
		}
		for _, f := range c.flags {
			line := fmt.Sprintf("complete -c ratemill -n %s -l %s -d %s", fishText(when), f.Name, fishText(f.Help))
			switch {
			case f.Enum != "":
				line += " -x -a " + fishText(strings.Join(f.EnumSlice(), " "))
			case !f.IsBool():
				line += " -r"
			}
			fmt.Fprintln(w, line)
		}
	}
}

func fishText(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
