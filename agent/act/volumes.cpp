#include "agent/act/volumes.h"

namespace mooring::agent::act {

std::shared_ptr<Volume> Volumes::get(const std::string& name) {
  if (auto volume = find(name)) return volume;
  drop_gone();
  return volumes_[name] = std::make_shared<Volume>(services_, *this, name);
}

std::shared_ptr<Volume> Volumes::find(const std::string& name) const {
  const auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : found->second;
}

void Volumes::add(const state::VolumeRecord& record) {
  volumes_[record.name] = std::make_shared<Volume>(services_, *this, record);
}

void Volumes::release_unclaimed() {
  for (const auto& [name, volume] : volumes_)
    if (!volume->needed()) volume->start();
}

const Volume* Volumes::with_disk_of(const Volume& volume) const {
  const std::string& id = volume.description().volume_id;
  if (id.empty()) return nullptr;
  for (const auto& [name, other] : volumes_)
    if (other.get() != &volume && other->recorded() && other->backend() == volume.backend() &&
        other->description().volume_id == id)
      return other.get();
  return nullptr;
}

void Volumes::drop_gone() {
  std::erase_if(volumes_, [](const auto& entry) { return entry.second->gone(); });
}

}  // namespace mooring::agent::act
