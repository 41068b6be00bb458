# Completion of moorctl(1) and moord(8) for bash.

_moorctl_tasks() {
  timeout 1 moorctl status -o json 2>/dev/null | grep -oE '"task": *"[^"]*"' | sed 's/.*: *"\(.*\)"/\1/'
}

_moorctl() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  # bash takes `=` for a word of its own.
  if [[ $current == = ]]; then
    current='' previous=${COMP_WORDS[COMP_CWORD - 1]}
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  local command='' word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in attach | release | wait | status | explain | identity | volumes | events | check) command=$word ;; esac
    [[ -z $command ]] || break
  done
  COMPREPLY=()
  case $previous in
    --task)
      mapfile -t COMPREPLY < <(compgen -W "$(_moorctl_tasks)" -- "$current")
      return
      ;;
    -o | --output)
      local formats='table json'
      [[ $command != attach ]] || formats='table json docker oci'
      mapfile -t COMPREPLY < <(compgen -W "$formats" -- "$current")
      return
      ;;
    -f | --file | --definitions | --socket)
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      return
      ;;
    --owner-pid)
      mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$current")
      return
      ;;
    --timeout | --var) return ;;
  esac
  local options='--help --socket'
  case $command in
    '') options+=' --version' ;;
    attach) options+=' --task --file --definitions --var --owner-pid --timeout --no-wait --strict --output' ;;
    release) options+=' --task --force --timeout --output' ;;
    wait) options+=' --task --timeout --strict' ;;
    status) options+=' --watch --output' ;;
    explain) options+=' --file --definitions --var --output' ;;
    identity | volumes) options+=' --output' ;;
    events) options+=' --follow --output' ;;
    check) options+=' --file --var' ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'attach release wait status explain identity volumes events check' -- "$current")
  elif [[ $command == status ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_moorctl_tasks)" -- "$current")
  elif [[ $command == check ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  fi
}

_moord() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  if [[ $previous == --config ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W '--help --version --config --check' -- "$current")
  fi
}

complete -o filenames -F _moorctl moorctl
complete -o filenames -F _moord moord
