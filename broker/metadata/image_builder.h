// The next image: records applied one by one to a copy of an earlier one. What did not change is shared.
//
//   ImageBuilder builder{*image};
//   for (const RecordView& record : batch) TRY(builder.apply(*record.value));
//   if (!builder.in_transaction()) image = builder.build(end_offset, epoch, timestamp_ms);
//
// The same for records that were just decided and for those that are replayed, so that both come to the same image.
// Maps are copied once a builder, a topic once for each builder that changes it.
#pragma once

#include <memory>

#include "broker/metadata/image.h"
#include "kernel/bytes.h"
#include "kernel/result.h"
#include "net/framed_record.h"
#include "net/messages/metadata_records.h"

namespace broker::metadata {

/// Why a record cannot be applied. The log is not what it should be, or was written by a later release.
enum class Reason : std::uint16_t {
  unknown_topic = 0x400,  ///< detail is the record's type, here and below
  unknown_partition,
  unknown_broker,         ///< also a registration of another epoch
  topic_exists,
  bad_transaction,        ///< begun twice, or ended without having begun
};
constexpr kernel::Room error_room(Reason) { return kernel::Room::broker; }
std::string_view name_of(Reason reason);

class ImageBuilder {
 public:
  explicit ImageBuilder(const Image& from) : image_{from} {}

  /// `value` is framed: frame version, type, version, body. After an error the builder is of no further use.
  /// Errors: Reason; unsupported (a type or version we do not know; detail is the type), corrupt, too_large.
  kernel::Result<> apply(kernel::ByteView value);
  /// Between the records that begin and end a metadata transaction; nothing of it may be seen until it ends.
  [[nodiscard]] bool in_transaction() const { return before_transaction_ != nullptr; }
  /// What kraft.version control records said.
  void set_kraft_version(std::int16_t level) { image_.kraft_version = level; }

  /// Not in a transaction. `end` is exclusive. The builder is of no further use.
  [[nodiscard]] ImageRef build(net::Offset end, net::LeaderEpoch epoch, std::int64_t timestamp_ms);

 private:
  template <class Record>
  kernel::Result<> keep(const Record& record, kernel::ByteView value);
  kernel::Result<> forget(std::int16_t type, std::string identity);
  kernel::Result<Topic*> change_topic(net::TopicId id, std::int16_t record_type);
  kernel::Result<Broker*> change_broker(net::BrokerId id, net::BrokerEpoch epoch, std::int16_t record_type);
  void clear_eligible_leaders(std::string_view topic_name);

  kernel::Result<> change(const net::RegisterBrokerRecord& record);
  kernel::Result<> change(const net::UnregisterBrokerRecord& record);
  kernel::Result<> change(const net::FenceBrokerRecord& record);
  kernel::Result<> change(const net::UnfenceBrokerRecord& record);
  kernel::Result<> change(const net::BrokerRegistrationChangeRecord& record);
  kernel::Result<> change(const net::TopicRecord& record);
  kernel::Result<> change(const net::PartitionRecord& record);
  kernel::Result<> change(const net::PartitionChangeRecord& record);
  kernel::Result<> change(const net::RemoveTopicRecord& record);
  kernel::Result<> change(const net::ClearElrRecord& record);
  kernel::Result<> change(const net::ConfigRecord& record);
  kernel::Result<> change(const net::FeatureLevelRecord& record);
  kernel::Result<> change(const net::ProducerIdsRecord& record);
  kernel::Result<> change(const net::NoOpRecord& record);
  kernel::Result<> change(const net::BeginTransactionRecord& record);
  kernel::Result<> change(const net::EndTransactionRecord& record);
  kernel::Result<> change(const net::AbortTransactionRecord& record);
  kernel::Result<> change(const net::RemoveDelegationTokenRecord& record);
  kernel::Result<> change(const net::RemoveUserScramCredentialRecord& record);
  kernel::Result<> change(const net::RemoveAccessControlEntryRecord& record);
  kernel::Result<> change(const net::UnregisterControllerRecord& record);

  Image image_;
  std::unique_ptr<Image> before_transaction_;
  std::map<net::TopicId, std::shared_ptr<Topic>> changed_;  ///< copies that are ours to change
};

}  // namespace broker::metadata
