#include "engine/entry_pool.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "kv/base/assert.hpp"

namespace kv::engine {

EntryPool::~EntryPool() {
  clear();
}

EntryPool::EntryPool(EntryPool&& other) noexcept
    : pages_(other.pages_),
      spare_(other.spare_),
      class_index_(other.class_index_),
      classes_(std::exchange(other.classes_, {})),
      large_(std::exchange(other.large_, {})),
      large_with_deadline_(std::exchange(other.large_with_deadline_, 0)),
      locks_(std::exchange(other.locks_, 0)),
      bytes_(std::exchange(other.bytes_, 0)) {
  for (auto& row : other.class_index_) row.fill(kNoClass);
}

void EntryPool::swap(EntryPool& other) noexcept {
  std::swap(pages_, other.pages_);
  std::swap(spare_, other.spare_);
  std::swap(class_index_, other.class_index_);
  std::swap(classes_, other.classes_);
  std::swap(large_, other.large_);
  std::swap(large_with_deadline_, other.large_with_deadline_);
  std::swap(locks_, other.locks_);
  std::swap(bytes_, other.bytes_);
}

EntryPool::SizeClass& EntryPool::size_class(std::size_t entry_bytes, bool has_deadline_field) {
  std::uint16_t& index = class_index_[has_deadline_field ? 1 : 0][EntrySizes::number(entry_bytes)];
  if (index == kNoClass) {
    classes_.push_back({static_cast<std::uint32_t>(entry_bytes), has_deadline_field, 0, {}});
    index = static_cast<std::uint16_t>(classes_.size() - 1);
  }
  return classes_[index];
}

Entry* EntryPool::add(const EntryContent& content) {
  const bool has_deadline_field = content.deadline != 0;
  const std::size_t bytes = Entry::size_for(content.key.size(), content.value.data.size(), has_deadline_field);
  if (bytes > kSlabEntryMax) {
    Entry* large = make_large_entry(content);
    try {
      adopt(large);
    } catch (...) {
      unpin_large_entry(large);
      throw;
    }
    return large;
  }
  SizeClass& entries = size_class(bytes, has_deadline_field);
  if (entries.size == entries.pages.size() * entries.per_page()) {
    entries.pages.push_back(nullptr);
    try {
      entries.pages.back() = pages_->allocate();
    } catch (...) {
      entries.pages.pop_back();
      throw;
    }
  }
  bytes_ += bytes;
  locks_ += count_if(content.is_lock);
  return Entry::write(entries.at(entries.size++), content, has_deadline_field, false);
}

void EntryPool::adopt(Entry* large) {
  large_prefix(large).index = static_cast<std::uint32_t>(large_.size());
  large_.push_back(large);
  large_with_deadline_ += count_if(large->deadline() != 0);
  locks_ += count_if(large->is_lock());
  bytes_ += large->size();
}

EntryPool::Moved EntryPool::remove(Entry* entry) {
  bytes_ -= entry->size();
  locks_ -= count_if(entry->is_lock());
  if (entry->is_large()) {
    large_with_deadline_ -= count_if(entry->deadline() != 0);
    const std::uint32_t index = large_prefix(entry).index;
    KV_ASSERT(large_[index] == entry);
    Entry* last = large_.back();
    large_[index] = last;
    large_prefix(last).index = index;
    large_.pop_back();
    return last == entry ? Moved{} : Moved{last, last};
  }
  SizeClass& entries = size_class(entry->size(), entry->has_deadline_field());
  Entry* last = entries.at(--entries.size);
  Moved moved;
  if (last != entry) {
    std::memcpy(static_cast<void*>(entry), static_cast<const void*>(last), entries.entry_bytes);
    moved = {last, entry};
  }
  give_pages_back(entries);
  return moved;
}

bool EntryPool::try_rewrite(Entry* entry, const EntryContent& content) {
  const std::size_t before = count_if(entry->is_lock());
  if (!entry->try_rewrite(content)) return false;
  locks_ += count_if(content.is_lock) - before;
  return true;
}

void EntryPool::set_deadline(Entry* entry, UnixMillis deadline) {
  if (entry->is_large()) large_with_deadline_ += count_if(deadline != 0) - count_if(entry->deadline() != 0);
  entry->set_deadline(deadline);
}

std::size_t EntryPool::with_deadline() const {
  return size(Kind::kWithDeadlineField) - large_.size() + large_with_deadline_;
}

// Of an empty class no page is kept in any case: there may be hundreds of them in each of thousands of shards.
void EntryPool::give_pages_back(SizeClass& entries) {
  const std::size_t per_page = entries.per_page();
  const bool keeps_spare = spare_ == SparePage::kKept && entries.size != 0;
  const std::size_t kept = entries.size + (keeps_spare ? per_page : 0);
  for (; entries.pages.size() * per_page >= kept + per_page; entries.pages.pop_back()) {
    pages_->free(entries.pages.back());
  }
}

Entry* EntryPool::deadline_walk(WalkPosition& at) const {
  for (; at.size_class < classes_.size(); ++at.size_class, at.index = 0) {
    const SizeClass& entries = classes_[at.size_class];
    if (entries.has_deadline_field && at.index < entries.size) return entries.at(at.index);
  }
  return at.index < large_.size() ? large_[at.index] : nullptr;
}

std::size_t EntryPool::size(Kind kind) const {
  std::size_t size = large_.size();
  for (const SizeClass& entries : classes_) {
    if (kind == Kind::kAny || entries.has_deadline_field) size += entries.size;
  }
  return size;
}

Entry* EntryPool::at(Kind kind, std::size_t index) const {
  if (index < large_.size()) return large_[index];
  index -= large_.size();
  for (const SizeClass& entries : classes_) {
    if (kind != Kind::kAny && !entries.has_deadline_field) continue;
    if (index < entries.size) return entries.at(index);
    index -= entries.size;
  }
  KV_ASSERT(false);
  return nullptr;
}

void EntryPool::clear_into(std::vector<void*>& pages) {
  std::size_t count = pages.size();
  for (const SizeClass& entries : classes_) count += entries.pages.size();
  if (count > pages.capacity()) pages.reserve(std::max(count, 2 * pages.capacity()));
  for (SizeClass& entries : classes_) {
    pages.insert(pages.end(), entries.pages.begin(), entries.pages.end());
    entries.pages.clear();
  }
  clear();
}

void EntryPool::clear() {
  for (SizeClass& entries : classes_) {
    pages_->free(entries.pages);
    entries.pages = {};
    entries.size = 0;
  }
  for (const Entry* entry : large_) unpin_large_entry(entry);
  large_.clear();
  large_with_deadline_ = 0;
  locks_ = 0;
  bytes_ = 0;
}

}  // namespace kv::engine
