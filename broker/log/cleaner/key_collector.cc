#include "broker/log/cleaner/key_collector.h"

#include <algorithm>

#include "kernel/check.h"
#include "net/record/control.h"
#include "net/record/validate.h"

namespace broker::log::cleaner {

using kernel::ByteView;
using kernel::Result;
using net::record::BatchHeader;
using net::record::RecordRegion;

Result<> KeyCollector::take_marker(const BatchHeader& header, ByteView records) {
  const auto marker = TRY(net::record::parse_transaction_marker(header, records));
  if (!marker) return {};
  const auto at = open_.find(marker->producer_id);
  if (at == open_.end()) return {};
  if (marker->type == net::record::ControlType::commit) {
    for (const auto& [key, offset] : at->second.keys) CHECK(map_.put(key, offset));
  } else {
    aborted_.push_back({marker->producer_id, at->second.first, header.base_offset});
  }
  waiting_ -= at->second.keys.size();
  open_.erase(at);
  return {};
}

Result<bool> KeyCollector::take(const BatchHeader& header, ByteView batch) {
  CHECK(!full_at_);
  TRY(net::record::check_whole(header, {&batch, 1}));
  const ByteView bytes = batch.subspan(net::record::kHeaderBytes);
  if (header.is_control()) {
    TRY(take_marker(header, bytes));
    return true;
  }
  Open* transaction = nullptr;
  if (header.is_transactional() && header.has_producer()) {
    transaction = &open_.try_emplace(header.producer_id, Open{header.base_offset, {}}).first->second;
  }
  const RecordRegion region = TRY(RecordRegion::open(header, bytes, kUncompressedBytesMax));
  auto records = region.iterate();
  while (const auto record = TRY(records.next())) {
    if (!record->key || record->offset < from_) continue;
    if (!has_room()) {
      full_at_ = record->offset;
      return false;
    }
    if (transaction == nullptr) {
      CHECK(map_.put(*record->key, record->offset));
    } else {
      transaction->keys.emplace_back(map_.hash(*record->key), record->offset);
      ++waiting_;
    }
  }
  return true;
}

Offset KeyCollector::end(Offset to) const {
  Offset end = full_at_ ? std::min(*full_at_, to) : to;
  for (const auto& [producer, open] : open_) end = std::min(end, open.first);
  return std::max(end, from_);
}

}  // namespace broker::log::cleaner
