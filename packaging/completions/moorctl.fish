# Completion of moorctl(1) and moord(8) for fish.

function __moorctl_tasks
    timeout 1 moorctl status -o json 2>/dev/null | string match -rga '"task": *"([^"]*)"'
end

set -l commands attach release wait status explain identity volumes events check
complete -c moorctl -f
complete -c moorctl -s h -l help -d 'Help'
complete -c moorctl -l socket -r -F -d 'The socket of moord'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -l version -d 'Version'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a attach -d 'Set the goal of a task and wait until its mounts are ready'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a release -d 'Unmount and detach what a task has'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a wait -d 'Wait until the mounts of a task are ready'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a status -d 'Tasks, their mounts, where each volume came from'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a explain -d 'The verdict on every candidate'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a identity -d 'Where this instance is'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a volumes -d 'What is known'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a events -d 'What happened'
complete -c moorctl -n "not __fish_seen_subcommand_from $commands" -a check -d 'Validate files'
complete -c moorctl -n '__fish_seen_subcommand_from attach release wait' -l task -x -a '(__moorctl_tasks)' -d 'Name of the task'
complete -c moorctl -n '__fish_seen_subcommand_from attach explain check' -s f -l file -r -F -d 'File with the mounts'
complete -c moorctl -n '__fish_seen_subcommand_from attach explain' -l definitions -r -F -d 'Definitions of volumes'
complete -c moorctl -n '__fish_seen_subcommand_from attach explain check' -l var -x -d 'Value of a variable'
complete -c moorctl -n '__fish_seen_subcommand_from attach' -l owner-pid -x -a '(__fish_complete_pids)' -d 'Release the task when this process ends'
complete -c moorctl -n '__fish_seen_subcommand_from attach release wait' -l timeout -x -d 'How long to wait'
complete -c moorctl -n '__fish_seen_subcommand_from attach' -l no-wait -d 'Set the goal only'
complete -c moorctl -n '__fish_seen_subcommand_from attach wait' -l strict -d 'Exit status 5 if degraded'
complete -c moorctl -n '__fish_seen_subcommand_from attach' -s o -l output -x -a 'table json docker oci' -d 'What to print'
complete -c moorctl -n '__fish_seen_subcommand_from release status explain identity volumes events' -s o -l output -x -a 'table json' -d 'What to print'
complete -c moorctl -n '__fish_seen_subcommand_from release' -l force -d 'Unmount it from under those who use it'
complete -c moorctl -n '__fish_seen_subcommand_from status' -s w -l watch -d 'Show it again whenever something changes'
complete -c moorctl -n '__fish_seen_subcommand_from status' -a '(__moorctl_tasks)'
complete -c moorctl -n '__fish_seen_subcommand_from events' -l follow -d 'Go on with what happens'
complete -c moorctl -n '__fish_seen_subcommand_from check' -F

complete -c moord -f
complete -c moord -s h -l help -d 'Help'
complete -c moord -l version -d 'Version'
complete -c moord -l config -r -F -d 'Configuration'
complete -c moord -l check -d 'Validate and exit'
