#include "agent/decide/sharing.h"

namespace mooring::agent::decide {
namespace {

bool is_same_disk(const Form& form, const Wish& wish) {
  const std::string& wanted = wish.candidate.volume.volume_id;
  const std::string& had = form.volume.volume_id;
  return wish.candidate.backend == form.backend && (wanted.empty() || had.empty() || wanted == had);
}

}  // namespace

Form form_of(const Wish& wish) {
  return {wish.candidate.backend, wish.candidate.volume, wish.candidate.read_only, wish.options};
}

std::optional<Failure> misfit(const Form& form, const Wish& wish, const std::string& task) {
  const std::string held = "already in use by task " + task;
  if (!is_same_disk(form, wish))  // rule 7
    return Failure{Verdict::mount_failed, "another volume of this name, " + form.volume.volume_id + ", is " + held};
  if (form.read_only && !wish.candidate.read_only)
    return Failure{Verdict::mount_failed,
                   held + ", which mounted it read-only; release that task, or ask for read_only"};
  if (wish.options != form.options) return Failure{Verdict::mount_failed, held + " with other mount options"};
  return std::nullopt;
}

std::optional<Failure> misfit(const mount::MountEntry& mounted, const Wish& wish) {
  if (!wish.candidate.fs.empty() && mounted.fs != wish.candidate.fs)
    return other_file_system(mounted.fs, wish.candidate.fs);
  if (mounted.read_only && !wish.candidate.read_only)
    return Failure{Verdict::mount_failed,
                   "is mounted read-only, for a goal that asked for it so; release that one, or ask for read_only"};
  return std::nullopt;
}

bool may_format(const Wish& wish) { return wish.candidate.may_format && !wish.candidate.read_only; }

std::string file_system_for(const std::vector<const Wish*>& wishes) {
  for (const Wish* wish : wishes)
    if (may_format(*wish) && !wish->candidate.fs_to_make.empty()) return wish->candidate.fs_to_make;
  return "ext4";
}

}  // namespace mooring::agent::decide
