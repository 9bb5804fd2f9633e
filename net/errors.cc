#include "net/errors.h"

#include <fmt/format.h>

#include <iterator>

namespace net {

namespace {

using enum ErrorRemedy;

// Ascending and without holes, so that a code is an index; the test checks it.
constexpr ErrorFacts kErrors[] = {
    {ErrorCode::unknown_server_error, "UNKNOWN_SERVER_ERROR", false, none},
    {ErrorCode::none, "NONE", false, none},
    {ErrorCode::offset_out_of_range, "OFFSET_OUT_OF_RANGE", false, none},
    {ErrorCode::corrupt_message, "CORRUPT_MESSAGE", true, none},
    {ErrorCode::unknown_topic_or_partition, "UNKNOWN_TOPIC_OR_PARTITION", true, refresh_metadata},
    {ErrorCode::invalid_fetch_size, "INVALID_FETCH_SIZE", false, none},
    {ErrorCode::leader_not_available, "LEADER_NOT_AVAILABLE", true, refresh_metadata},
    {ErrorCode::not_leader_or_follower, "NOT_LEADER_OR_FOLLOWER", true, refresh_metadata},
    {ErrorCode::request_timed_out, "REQUEST_TIMED_OUT", true, none},
    {ErrorCode::broker_not_available, "BROKER_NOT_AVAILABLE", false, none},
    {ErrorCode::replica_not_available, "REPLICA_NOT_AVAILABLE", true, refresh_metadata},
    {ErrorCode::message_too_large, "MESSAGE_TOO_LARGE", false, none},
    {ErrorCode::stale_controller_epoch, "STALE_CONTROLLER_EPOCH", false, none},
    {ErrorCode::offset_metadata_too_large, "OFFSET_METADATA_TOO_LARGE", false, none},
    {ErrorCode::network_exception, "NETWORK_EXCEPTION", true, refresh_metadata},
    {ErrorCode::coordinator_load_in_progress, "COORDINATOR_LOAD_IN_PROGRESS", true, none},
    {ErrorCode::coordinator_not_available, "COORDINATOR_NOT_AVAILABLE", true, refresh_metadata},
    {ErrorCode::not_coordinator, "NOT_COORDINATOR", true, refresh_metadata},
    {ErrorCode::invalid_topic_exception, "INVALID_TOPIC_EXCEPTION", false, invalid_configuration},
    {ErrorCode::record_list_too_large, "RECORD_LIST_TOO_LARGE", false, invalid_configuration},
    {ErrorCode::not_enough_replicas, "NOT_ENOUGH_REPLICAS", true, none},
    {ErrorCode::not_enough_replicas_after_append, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", true, none},
    {ErrorCode::invalid_required_acks, "INVALID_REQUIRED_ACKS", false, invalid_configuration},
    {ErrorCode::illegal_generation, "ILLEGAL_GENERATION", false, application_recoverable},
    {ErrorCode::inconsistent_group_protocol, "INCONSISTENT_GROUP_PROTOCOL", false, none},
    {ErrorCode::invalid_group_id, "INVALID_GROUP_ID", false, none},
    {ErrorCode::unknown_member_id, "UNKNOWN_MEMBER_ID", false, application_recoverable},
    {ErrorCode::invalid_session_timeout, "INVALID_SESSION_TIMEOUT", false, none},
    {ErrorCode::rebalance_in_progress, "REBALANCE_IN_PROGRESS", false, none},
    {ErrorCode::invalid_commit_offset_size, "INVALID_COMMIT_OFFSET_SIZE", false, none},
    {ErrorCode::topic_authorization_failed, "TOPIC_AUTHORIZATION_FAILED", false, authorization},
    {ErrorCode::group_authorization_failed, "GROUP_AUTHORIZATION_FAILED", false, authorization},
    {ErrorCode::cluster_authorization_failed, "CLUSTER_AUTHORIZATION_FAILED", false, authorization},
    {ErrorCode::invalid_timestamp, "INVALID_TIMESTAMP", false, none},
    {ErrorCode::unsupported_sasl_mechanism, "UNSUPPORTED_SASL_MECHANISM", false, authorization},
    {ErrorCode::illegal_sasl_state, "ILLEGAL_SASL_STATE", false, authorization},
    {ErrorCode::unsupported_version, "UNSUPPORTED_VERSION", false, invalid_configuration},
    {ErrorCode::topic_already_exists, "TOPIC_ALREADY_EXISTS", false, none},
    {ErrorCode::invalid_partitions, "INVALID_PARTITIONS", false, none},
    {ErrorCode::invalid_replication_factor, "INVALID_REPLICATION_FACTOR", false, invalid_configuration},
    {ErrorCode::invalid_replica_assignment, "INVALID_REPLICA_ASSIGNMENT", false, none},
    {ErrorCode::invalid_config, "INVALID_CONFIG", false, invalid_configuration},
    {ErrorCode::not_controller, "NOT_CONTROLLER", true, none},
    {ErrorCode::invalid_request, "INVALID_REQUEST", false, none},
    {ErrorCode::unsupported_for_message_format, "UNSUPPORTED_FOR_MESSAGE_FORMAT", false, invalid_configuration},
    {ErrorCode::policy_violation, "POLICY_VIOLATION", false, none},
    {ErrorCode::out_of_order_sequence_number, "OUT_OF_ORDER_SEQUENCE_NUMBER", false, none},
    {ErrorCode::duplicate_sequence_number, "DUPLICATE_SEQUENCE_NUMBER", false, none},
    {ErrorCode::invalid_producer_epoch, "INVALID_PRODUCER_EPOCH", false, application_recoverable},
    {ErrorCode::invalid_txn_state, "INVALID_TXN_STATE", false, none},
    {ErrorCode::invalid_producer_id_mapping, "INVALID_PRODUCER_ID_MAPPING", false, application_recoverable},
    {ErrorCode::invalid_transaction_timeout, "INVALID_TRANSACTION_TIMEOUT", false, none},
    {ErrorCode::concurrent_transactions, "CONCURRENT_TRANSACTIONS", true, none},
    {ErrorCode::transaction_coordinator_fenced, "TRANSACTION_COORDINATOR_FENCED", false, none},
    {ErrorCode::transactional_id_authorization_failed, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", false, authorization},
    {ErrorCode::security_disabled, "SECURITY_DISABLED", false, none},
    {ErrorCode::operation_not_attempted, "OPERATION_NOT_ATTEMPTED", false, none},
    {ErrorCode::kafka_storage_error, "KAFKA_STORAGE_ERROR", true, refresh_metadata},
    {ErrorCode::log_dir_not_found, "LOG_DIR_NOT_FOUND", false, none},
    {ErrorCode::sasl_authentication_failed, "SASL_AUTHENTICATION_FAILED", false, authorization},
    {ErrorCode::unknown_producer_id, "UNKNOWN_PRODUCER_ID", false, none},
    {ErrorCode::reassignment_in_progress, "REASSIGNMENT_IN_PROGRESS", false, none},
    {ErrorCode::delegation_token_auth_disabled, "DELEGATION_TOKEN_AUTH_DISABLED", false, none},
    {ErrorCode::delegation_token_not_found, "DELEGATION_TOKEN_NOT_FOUND", false, none},
    {ErrorCode::delegation_token_owner_mismatch, "DELEGATION_TOKEN_OWNER_MISMATCH", false, none},
    {ErrorCode::delegation_token_request_not_allowed, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", false, none},
    {ErrorCode::delegation_token_authorization_failed, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", false, authorization},
    {ErrorCode::delegation_token_expired, "DELEGATION_TOKEN_EXPIRED", false, none},
    {ErrorCode::invalid_principal_type, "INVALID_PRINCIPAL_TYPE", false, none},
    {ErrorCode::non_empty_group, "NON_EMPTY_GROUP", false, none},
    {ErrorCode::group_id_not_found, "GROUP_ID_NOT_FOUND", false, none},
    {ErrorCode::fetch_session_id_not_found, "FETCH_SESSION_ID_NOT_FOUND", true, none},
    {ErrorCode::invalid_fetch_session_epoch, "INVALID_FETCH_SESSION_EPOCH", true, none},
    {ErrorCode::listener_not_found, "LISTENER_NOT_FOUND", true, refresh_metadata},
    {ErrorCode::topic_deletion_disabled, "TOPIC_DELETION_DISABLED", false, none},
    {ErrorCode::fenced_leader_epoch, "FENCED_LEADER_EPOCH", true, refresh_metadata},
    {ErrorCode::unknown_leader_epoch, "UNKNOWN_LEADER_EPOCH", true, none},
    {ErrorCode::unsupported_compression_type, "UNSUPPORTED_COMPRESSION_TYPE", false, none},
    {ErrorCode::stale_broker_epoch, "STALE_BROKER_EPOCH", false, none},
    {ErrorCode::offset_not_available, "OFFSET_NOT_AVAILABLE", true, none},
    {ErrorCode::member_id_required, "MEMBER_ID_REQUIRED", false, none},
    {ErrorCode::preferred_leader_not_available, "PREFERRED_LEADER_NOT_AVAILABLE", true, refresh_metadata},
    {ErrorCode::group_max_size_reached, "GROUP_MAX_SIZE_REACHED", false, none},
    {ErrorCode::fenced_instance_id, "FENCED_INSTANCE_ID", false, application_recoverable},
    {ErrorCode::eligible_leaders_not_available, "ELIGIBLE_LEADERS_NOT_AVAILABLE", true, refresh_metadata},
    {ErrorCode::election_not_needed, "ELECTION_NOT_NEEDED", true, refresh_metadata},
    {ErrorCode::no_reassignment_in_progress, "NO_REASSIGNMENT_IN_PROGRESS", false, none},
    {ErrorCode::group_subscribed_to_topic, "GROUP_SUBSCRIBED_TO_TOPIC", false, none},
    {ErrorCode::invalid_record, "INVALID_RECORD", false, invalid_configuration},
    {ErrorCode::unstable_offset_commit, "UNSTABLE_OFFSET_COMMIT", true, none},
    {ErrorCode::throttling_quota_exceeded, "THROTTLING_QUOTA_EXCEEDED", true, none},
    {ErrorCode::producer_fenced, "PRODUCER_FENCED", false, application_recoverable},
    {ErrorCode::resource_not_found, "RESOURCE_NOT_FOUND", false, none},
    {ErrorCode::duplicate_resource, "DUPLICATE_RESOURCE", false, none},
    {ErrorCode::unacceptable_credential, "UNACCEPTABLE_CREDENTIAL", false, none},
    {ErrorCode::inconsistent_voter_set, "INCONSISTENT_VOTER_SET", false, none},
    {ErrorCode::invalid_update_version, "INVALID_UPDATE_VERSION", false, none},
    {ErrorCode::feature_update_failed, "FEATURE_UPDATE_FAILED", false, none},
    {ErrorCode::principal_deserialization_failure, "PRINCIPAL_DESERIALIZATION_FAILURE", false, none},
    {ErrorCode::snapshot_not_found, "SNAPSHOT_NOT_FOUND", false, none},
    {ErrorCode::position_out_of_range, "POSITION_OUT_OF_RANGE", false, none},
    {ErrorCode::unknown_topic_id, "UNKNOWN_TOPIC_ID", true, refresh_metadata},
    {ErrorCode::duplicate_broker_registration, "DUPLICATE_BROKER_REGISTRATION", false, none},
    {ErrorCode::broker_id_not_registered, "BROKER_ID_NOT_REGISTERED", false, none},
    {ErrorCode::inconsistent_topic_id, "INCONSISTENT_TOPIC_ID", true, refresh_metadata},
    {ErrorCode::inconsistent_cluster_id, "INCONSISTENT_CLUSTER_ID", false, none},
    {ErrorCode::transactional_id_not_found, "TRANSACTIONAL_ID_NOT_FOUND", false, none},
    {ErrorCode::fetch_session_topic_id_error, "FETCH_SESSION_TOPIC_ID_ERROR", true, none},
    {ErrorCode::ineligible_replica, "INELIGIBLE_REPLICA", false, none},
    {ErrorCode::new_leader_elected, "NEW_LEADER_ELECTED", false, none},
    {ErrorCode::offset_moved_to_tiered_storage, "OFFSET_MOVED_TO_TIERED_STORAGE", false, none},
    {ErrorCode::fenced_member_epoch, "FENCED_MEMBER_EPOCH", false, none},
    {ErrorCode::unreleased_instance_id, "UNRELEASED_INSTANCE_ID", false, none},
    {ErrorCode::unsupported_assignor, "UNSUPPORTED_ASSIGNOR", false, none},
    {ErrorCode::stale_member_epoch, "STALE_MEMBER_EPOCH", false, none},
    {ErrorCode::mismatched_endpoint_type, "MISMATCHED_ENDPOINT_TYPE", false, none},
    {ErrorCode::unsupported_endpoint_type, "UNSUPPORTED_ENDPOINT_TYPE", false, none},
    {ErrorCode::unknown_controller_id, "UNKNOWN_CONTROLLER_ID", false, none},
    {ErrorCode::unknown_subscription_id, "UNKNOWN_SUBSCRIPTION_ID", false, none},
    {ErrorCode::telemetry_too_large, "TELEMETRY_TOO_LARGE", false, none},
    {ErrorCode::invalid_registration, "INVALID_REGISTRATION", false, none},
    {ErrorCode::transaction_abortable, "TRANSACTION_ABORTABLE", false, abort_transaction},
    {ErrorCode::invalid_record_state, "INVALID_RECORD_STATE", false, none},
    {ErrorCode::share_session_not_found, "SHARE_SESSION_NOT_FOUND", true, none},
    {ErrorCode::invalid_share_session_epoch, "INVALID_SHARE_SESSION_EPOCH", true, none},
    {ErrorCode::fenced_state_epoch, "FENCED_STATE_EPOCH", false, none},
    {ErrorCode::invalid_voter_key, "INVALID_VOTER_KEY", false, none},
    {ErrorCode::duplicate_voter, "DUPLICATE_VOTER", false, none},
    {ErrorCode::voter_not_found, "VOTER_NOT_FOUND", false, none},
    {ErrorCode::invalid_regular_expression, "INVALID_REGULAR_EXPRESSION", false, none},
    {ErrorCode::rebootstrap_required, "REBOOTSTRAP_REQUIRED", false, none},
    {ErrorCode::streams_invalid_topology, "STREAMS_INVALID_TOPOLOGY", false, none},
    {ErrorCode::streams_invalid_topology_epoch, "STREAMS_INVALID_TOPOLOGY_EPOCH", false, none},
    {ErrorCode::streams_topology_fenced, "STREAMS_TOPOLOGY_FENCED", false, none},
    {ErrorCode::share_session_limit_reached, "SHARE_SESSION_LIMIT_REACHED", true, none},
    {ErrorCode::group_deletion_failed, "GROUP_DELETION_FAILED", false, none},
    {ErrorCode::streams_topology_description_update_failed, "STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED", false, none},
    {ErrorCode::controller_id_not_registered, "CONTROLLER_ID_NOT_REGISTERED", false, none},
};

constexpr auto kFirst = static_cast<std::int16_t>(kErrors[0].code);

const ErrorFacts* find(ErrorCode code) {
  const int index = static_cast<std::int16_t>(code) - kFirst;
  return index >= 0 && index < static_cast<int>(std::size(kErrors)) ? &kErrors[index] : nullptr;
}

}  // namespace

const ErrorFacts& facts(ErrorCode code) {
  const ErrorFacts* known = find(code);
  return known != nullptr ? *known : *find(ErrorCode::unknown_server_error);
}

std::string_view name_of(ErrorCode code) {
  const ErrorFacts* known = find(code);
  return known != nullptr ? known->name : std::string_view{};
}

std::string text_of(ErrorCode code) {
  const std::string_view name = name_of(code);
  return name.empty() ? fmt::format("ERROR_{}", static_cast<std::int16_t>(code)) : std::string{name};
}

std::span<const ErrorFacts> all_errors() { return kErrors; }

}  // namespace net
