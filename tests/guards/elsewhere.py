"""Rules 11 and 18 to 20: what is ours, what is written down, and what others have."""

from guard import Guard

STUCK = "interop/test_aws_faults.py::test_a_name_under_which_no_disk_came_is_not_used_even_when_no_other_is_left"

ELSEWHERE = [
    Guard(
        11,
        "agent/decide/next_step.cpp",
        "  if (!view.attached_by_us) return Step::forget;  // rule 11\n",
        "",
        (
            "unit_decide:NextStep.follows_the_table",
            "interop/test_aws_attach.py::test_what_somebody_else_attached_here_is_used_and_stays_attached",
        ),
        "a disk that somebody else attached is taken away from them",
    ),
    Guard(
        11,
        "agent/act/volume_steps.cpp",
        "  if (theirs) view_.attached_by_us = false;\n",
        "",
        ("interop/test_aws_rights.py::test_what_somebody_attached_here_in_that_moment_stays_theirs",),
        "so is one that they attached at the same moment as we did",
    ),
    Guard(
        11,
        "backends/local/local_backend.cpp",
        "  if (!loop || read_holder(path) != instance) return boost::outcome_v2::success();\n",
        "  if (!loop) return boost::outcome_v2::success();\n",
        ("node_local:TwoInstances.what_one_has_the_other_does_not_detach",),
        "the disk of another instance is detached",
    ),
    Guard(
        18,
        "agent/act/volume_steps.cpp",
        "  const auto ticket = services_.ledger.add(state_record());\n"
        "  const auto written = co_await services_.ledger.flush(ticket);\n"
        "  recording_ = false;\n",
        "  const LedgerWriter::Ticket ticket = 0;\n"
        "  const auto written = co_await services_.ledger.flush(ticket);\n"
        "  recording_ = false;\n",
        ("interop/test_aws_attach.py::test_killed_while_it_attaches_it_goes_on_and_knows_that_it_is_its_own",),
        "after a crash nobody knows that the attachment is ours, and it stays for ever",
    ),
    Guard(
        18,
        "agent/act/task_binds.cpp",
        "  write(*mount.bound);\n",
        "",
        ("node/test_host_mounts.py::test_a_mount_taken_out_of_the_configuration_is_unmounted",),
        "a mount of the host is nobody's after a restart",
    ),
    Guard(
        18,
        "agent/act/volume_steps.cpp",
        "  wanted.defined = wanted.defined && !existed_;  // what has been there is not made anew, blank\n",
        "",
        ("node/test_standing.py::test_what_was_here_is_not_made_anew_for_the_same_put",),
        "a volume that is lost for a moment is replaced by an empty one",
    ),
    Guard(
        19,
        "agent/act/volume_arrival.cpp",
        "  stuck_ = !stop_.stop_requested();\n",
        "",
        (STUCK,),
        "the name under which no device came is used again at once",
    ),
    Guard(
        19,
        "backends/aws/device_names.cpp",
        "    if (stuck) avoided_[at->first] = now + kAvoided;\n",
        "",
        (
            "unit_ebs:DeviceNamesTest.one_under_which_no_device_came_is_avoided_for_an_hour",
            STUCK,
        ),
        "so it is",
    ),
    Guard(
        20,
        "agent/decide/resolver.cpp",
        "  if (description.attachment == backends::Attachment::elsewhere)\n",
        "  if (description.attachment == backends::Attachment::elsewhere && description.blank)\n",
        ("unit_decide:Judge.names_the_holder",),
        "a volume that another instance has is asked for",
    ),
    Guard(
        20,
        "backends/local/local_backend.cpp",
        "  if (!locked) return in_use(path);\n",
        "",
        ("node_local:TwoInstances.what_one_has_the_other_does_not_get",),
        "and taken",
    ),
    Guard(
        20,
        "backends/aws/aws_backend.cpp",
        "      answer.value().holder_state = states[answer.value().holder];\n",
        "      answer.value().holder_state = {};\n",
        ("interop/test_aws_faults.py::test_the_holder_is_told_with_its_state",),
        "nobody knows whether the holder is still alive",
    ),
]
