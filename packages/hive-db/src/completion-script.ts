/** Shells for which there is a script. */
export type Shell = 'bash' | 'zsh' | 'fish';

// Each asks `hive-db complete` for the words that may stand where the cursor is, and offers files where there are none. What it prints
// is taken line by line and never evaluated.
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: String.raw`# For ~/.bashrc: source <(hive-db completion bash)
_hive_db() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(hive-db complete -- "${'$'}{COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _hive_db hive-db
`,
  zsh: String.raw`#compdef hive-db
# For ~/.zshrc: source <(hive-db completion zsh)
_hive_db() {
  local -a found
  found=("${'$'}{(@f)$(hive-db complete -- "${'$'}{(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("${'$'}{(@)found:#}")
  if (( $#found )); then
    compadd -- "${'$'}{(@)found}"
  else
    _files
  fi
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _hive_db hive-db
`,
  fish: String.raw`# For config.fish: hive-db completion fish | source
function __hive_db_words
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l found (hive-db complete -- $before[2..-1] "$word" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path "$word"
    end
end
complete -c hive-db -f -a '(__hive_db_words)'
`,
};

/** What a shell is to run, so that it completes verbs, options and names of databases. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}
