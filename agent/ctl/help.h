// What `--help` says below the options.
#pragma once

namespace mooring::agent::ctl {

inline constexpr const char* kAbout =
    "moorctl: asks moord for volumes on behalf of a task, and shows what it does.\n"
    "A task is the owner of a set of mounts: a container, a run. Each mount names one volume or several, and moord\n"
    "attaches and mounts the first that can be had where this instance runs.";

inline constexpr const char* kFooter = R"(Exit status:
  0  ready                        3  moord cannot be reached
  1  failed                       4  timed out; the goal stands
  2  usage, or invalid input      5  degraded, with --strict

Each command has its own help with examples: moorctl attach --help)";

inline constexpr const char* kAttachFooter =
    R"(MOUNT is VOLUME:/path, with candidates VOLUME,VOLUME,…:/path, or a directory of the instance, /host/dir:/path.
FILE is a dstack run configuration, or a mapping with `volumes` and, if wanted, `definitions`, `variables`.
A file ending in .json is JSON, any other YAML; `-` is standard input. A duration is 250ms, 90s, 5m, 1h.

Examples:
  moorctl attach --task run-42 -f train.dstack.yml
  moorctl attach --task run-42 vol-eu,vol-us:/data /var/cache/models:/models
  moorctl attach --task run-42 -f train.yml --var dstack.node_rank=0 --owner-pid $$ --timeout 2m
  moorctl attach --task run-42 -f train.yml -o docker    # one --mount type=bind,… a line
  moorctl attach --task run-42 -f train.yml -o oci       # `mounts` of an OCI runtime configuration

What could not be had goes to standard error, each candidate with its verdict; with -o json the task is printed
whatever the exit status. A goal stands until the task is released or its owner ends: neither a timeout nor Ctrl-C
takes it back.

Exit status: 0 ready, or degraded · 1 failed · 2 usage or invalid input · 3 moord cannot be reached · 4 timed out, the
goal stands · 5 degraded, with --strict · 130 ended by Ctrl-C, the goal stands)";

inline constexpr const char* kReleaseFooter =
    R"(Waits until all is unmounted and detached. To release what is not there is no error.
A volume that somebody still uses is not taken away: the command says at once who it is, with exit status 1, and moord
releases it as soon as that ends. With --force it is unmounted from under them, and detached once they let go of it.

Examples:
  moorctl release --task run-42
  moorctl release --task run-42 --timeout 5m

Exit status: 0 released · 1 busy, somebody still uses it · 2 usage · 3 moord cannot be reached · 4 not yet released
after the timeout, moord goes on · 130 ended by Ctrl-C, moord goes on)";

inline constexpr const char* kWaitFooter =
    R"(For what has to come after the mounts of the instance itself, the task `host`: moord tries those again by itself, so
that they are waited for also when they have failed. Where the configuration has none, there is nothing to wait for.

Examples:
  moorctl wait --task host --timeout 10m
  moorctl attach --task run-42 -f train.yml --no-wait && moorctl wait --task run-42

Exit status: 0 ready, or degraded · 1 failed, or there is no such task · 2 usage · 3 moord cannot be reached · 4 not
ready after the timeout · 5 degraded, with --strict · 130 ended by Ctrl-C)";

inline constexpr const char* kStatusFooter = R"(Examples:
  moorctl status               # all tasks, one line a mount
  moorctl status run-42        # one task: candidates, verdicts, devices, how long each stage took
  moorctl status --watch       # again whenever something changes
  moorctl status run-42 -o json | jq -r .state

Exit status: 0 shown, whatever the state · 1 there is no such task · 2 usage · 3 moord cannot be reached)";

inline constexpr const char* kExplainFooter =
    R"(Says of every candidate whether it can be had on this instance, and why not. Touches nothing.
MOUNT and FILE are those of moorctl attach.

Examples:
  moorctl explain -f train.dstack.yml
  moorctl explain vol-eu,vol-us:/data
  moorctl explain --definitions volumes.yml vol-eu,vol-us:/data -o json

Exit status: 0 every mount that is not optional has a volume · 1 one has none · 2 usage or invalid input · 3 moord
cannot be reached)";

inline constexpr const char* kEventsFooter =
    R"(Prints what moord remembers, and with --follow also what happens from now on, until Ctrl-C.
With -o json each event is an object on a line of its own. Times are UTC.

Examples:
  moorctl events
  moorctl events --follow -o json | jq 'select(.event == "task.failed")'

Exit status: 0 printed · 2 usage · 3 moord cannot be reached, or has ended while following)";

inline constexpr const char* kListFooter = R"(Exit status: 0 printed · 2 usage · 3 moord cannot be reached)";

inline constexpr const char* kCheckFooter =
    R"(Reads goals, dstack run configurations, definitions of volumes (type: volume) and moord's own configuration; which of
them a file is is seen from what is in it. Every error is written as FILE:LINE:COLUMN: and a sentence. moord need not run.

Examples:
  moorctl check -f train.dstack.yml
  moorctl check -f /etc/mooring/moord.yaml /etc/mooring/volumes.d/*.yaml

Exit status: 0 all are valid · 2 usage, or one is not)";

}  // namespace mooring::agent::ctl
