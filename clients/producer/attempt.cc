#include "clients/producer/attempt.h"

namespace clients::producer {

using net::ErrorCode;

std::string_view name_of(AttemptResult result) {
  switch (result) {
    case AttemptResult::accepted: return "accepted";
    case AttemptResult::duplicate: return "duplicate";
    case AttemptResult::refused: return "refused";
    case AttemptResult::refused_for_now: return "refused_for_now";
    case AttemptResult::sequence_refused: return "sequence_refused";
    case AttemptResult::unknown: return "unknown";
    case AttemptResult::unknown_for_good: return "unknown_for_good";
  }
  return "unknown";
}

AttemptResult meaning_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::none: return AttemptResult::accepted;
    case ErrorCode::duplicate_sequence_number: return AttemptResult::duplicate;
    case ErrorCode::out_of_order_sequence_number:
    case ErrorCode::unknown_producer_id:
    case ErrorCode::invalid_producer_epoch: return AttemptResult::sequence_refused;
    case ErrorCode::not_enough_replicas:
    case ErrorCode::corrupt_message:
    case ErrorCode::throttling_quota_exceeded: return AttemptResult::refused_for_now;
    case ErrorCode::message_too_large:
    case ErrorCode::record_list_too_large:
    case ErrorCode::invalid_record:
    case ErrorCode::invalid_timestamp:
    case ErrorCode::invalid_topic_exception:
    case ErrorCode::invalid_required_acks:
    case ErrorCode::invalid_request:
    case ErrorCode::unsupported_version:
    case ErrorCode::unsupported_for_message_format:
    case ErrorCode::unsupported_compression_type:
    case ErrorCode::topic_authorization_failed:
    case ErrorCode::cluster_authorization_failed:
    case ErrorCode::transactional_id_authorization_failed:
    case ErrorCode::policy_violation:
    case ErrorCode::producer_fenced:
    case ErrorCode::invalid_producer_id_mapping:
    case ErrorCode::invalid_txn_state:
    case ErrorCode::transaction_abortable:
    case ErrorCode::concurrent_transactions: return AttemptResult::refused;
    default: break;
  }
  // NOT_LEADER_OR_FOLLOWER among them: it is also the answer when leadership is lost after the append.
  const bool ask_again = net::facts(code).retriable || net::facts(code).remedy == net::ErrorRemedy::refresh_metadata;
  return ask_again ? AttemptResult::unknown : AttemptResult::unknown_for_good;
}

}  // namespace clients::producer
