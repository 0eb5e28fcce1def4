#include "engine/log/types.h"

#include <array>

namespace queuelab::log {

namespace {

constexpr std::array<std::string_view, 5> kCompressionNames{
    "none", "gzip", "snappy", "lz4", "zstd"};

} // namespace

std::string_view compressionName(CompressionType type)
{
    return kCompressionNames[static_cast<std::size_t>(type)];
}

std::optional<CompressionType> compressionOf(std::string_view name)
{
    for (std::size_t i = 0; i < kCompressionNames.size(); ++i) {
        if (kCompressionNames[i] == name)
            return static_cast<CompressionType>(i);
    }
    return std::nullopt;
}

std::string_view errorName(ErrorCode code)
{
    switch (code) {
    case ErrorCode::UnknownServerError:
        return "UNKNOWN_SERVER_ERROR";
    case ErrorCode::None:
        return "NONE";
    case ErrorCode::OffsetOutOfRange:
        return "OFFSET_OUT_OF_RANGE";
    case ErrorCode::CorruptMessage:
        return "CORRUPT_MESSAGE";
    case ErrorCode::UnknownTopicOrPartition:
        return "UNKNOWN_TOPIC_OR_PARTITION";
    case ErrorCode::LeaderNotAvailable:
        return "LEADER_NOT_AVAILABLE";
    case ErrorCode::NotLeaderOrFollower:
        return "NOT_LEADER_OR_FOLLOWER";
    case ErrorCode::RequestTimedOut:
        return "REQUEST_TIMED_OUT";
    case ErrorCode::MessageTooLarge:
        return "MESSAGE_TOO_LARGE";
    case ErrorCode::OffsetMetadataTooLarge:
        return "OFFSET_METADATA_TOO_LARGE";
    case ErrorCode::NetworkException:
        return "NETWORK_EXCEPTION";
    case ErrorCode::CoordinatorLoadInProgress:
        return "COORDINATOR_LOAD_IN_PROGRESS";
    case ErrorCode::CoordinatorNotAvailable:
        return "COORDINATOR_NOT_AVAILABLE";
    case ErrorCode::NotCoordinator:
        return "NOT_COORDINATOR";
    case ErrorCode::InvalidTopicException:
        return "INVALID_TOPIC_EXCEPTION";
    case ErrorCode::RecordListTooLarge:
        return "RECORD_LIST_TOO_LARGE";
    case ErrorCode::NotEnoughReplicas:
        return "NOT_ENOUGH_REPLICAS";
    case ErrorCode::NotEnoughReplicasAfterAppend:
        return "NOT_ENOUGH_REPLICAS_AFTER_APPEND";
    case ErrorCode::InvalidRequiredAcks:
        return "INVALID_REQUIRED_ACKS";
    case ErrorCode::IllegalGeneration:
        return "ILLEGAL_GENERATION";
    case ErrorCode::InconsistentGroupProtocol:
        return "INCONSISTENT_GROUP_PROTOCOL";
    case ErrorCode::InvalidGroupId:
        return "INVALID_GROUP_ID";
    case ErrorCode::UnknownMemberId:
        return "UNKNOWN_MEMBER_ID";
    case ErrorCode::InvalidSessionTimeout:
        return "INVALID_SESSION_TIMEOUT";
    case ErrorCode::RebalanceInProgress:
        return "REBALANCE_IN_PROGRESS";
    case ErrorCode::InvalidTimestamp:
        return "INVALID_TIMESTAMP";
    case ErrorCode::UnsupportedVersion:
        return "UNSUPPORTED_VERSION";
    case ErrorCode::TopicAlreadyExists:
        return "TOPIC_ALREADY_EXISTS";
    case ErrorCode::InvalidPartitions:
        return "INVALID_PARTITIONS";
    case ErrorCode::InvalidReplicationFactor:
        return "INVALID_REPLICATION_FACTOR";
    case ErrorCode::InvalidReplicaAssignment:
        return "INVALID_REPLICA_ASSIGNMENT";
    case ErrorCode::InvalidConfig:
        return "INVALID_CONFIG";
    case ErrorCode::NotController:
        return "NOT_CONTROLLER";
    case ErrorCode::InvalidRequest:
        return "INVALID_REQUEST";
    case ErrorCode::PolicyViolation:
        return "POLICY_VIOLATION";
    case ErrorCode::OutOfOrderSequenceNumber:
        return "OUT_OF_ORDER_SEQUENCE_NUMBER";
    case ErrorCode::DuplicateSequenceNumber:
        return "DUPLICATE_SEQUENCE_NUMBER";
    case ErrorCode::InvalidProducerEpoch:
        return "INVALID_PRODUCER_EPOCH";
    case ErrorCode::InvalidTxnState:
        return "INVALID_TXN_STATE";
    case ErrorCode::InvalidProducerIdMapping:
        return "INVALID_PRODUCER_ID_MAPPING";
    case ErrorCode::InvalidTransactionTimeout:
        return "INVALID_TRANSACTION_TIMEOUT";
    case ErrorCode::ConcurrentTransactions:
        return "CONCURRENT_TRANSACTIONS";
    case ErrorCode::TransactionCoordinatorFenced:
        return "TRANSACTION_COORDINATOR_FENCED";
    case ErrorCode::TransactionalIdAuthorizationFailed:
        return "TRANSACTIONAL_ID_AUTHORIZATION_FAILED";
    case ErrorCode::OperationNotAttempted:
        return "OPERATION_NOT_ATTEMPTED";
    case ErrorCode::KafkaStorageError:
        return "KAFKA_STORAGE_ERROR";
    case ErrorCode::NonEmptyGroup:
        return "NON_EMPTY_GROUP";
    case ErrorCode::GroupIdNotFound:
        return "GROUP_ID_NOT_FOUND";
    case ErrorCode::FencedLeaderEpoch:
        return "FENCED_LEADER_EPOCH";
    case ErrorCode::UnknownLeaderEpoch:
        return "UNKNOWN_LEADER_EPOCH";
    case ErrorCode::UnsupportedCompressionType:
        return "UNSUPPORTED_COMPRESSION_TYPE";
    case ErrorCode::StaleBrokerEpoch:
        return "STALE_BROKER_EPOCH";
    case ErrorCode::OffsetNotAvailable:
        return "OFFSET_NOT_AVAILABLE";
    case ErrorCode::MemberIdRequired:
        return "MEMBER_ID_REQUIRED";
    case ErrorCode::PreferredLeaderNotAvailable:
        return "PREFERRED_LEADER_NOT_AVAILABLE";
    case ErrorCode::GroupMaxSizeReached:
        return "GROUP_MAX_SIZE_REACHED";
    case ErrorCode::FencedInstanceId:
        return "FENCED_INSTANCE_ID";
    case ErrorCode::EligibleLeadersNotAvailable:
        return "ELIGIBLE_LEADERS_NOT_AVAILABLE";
    case ErrorCode::ElectionNotNeeded:
        return "ELECTION_NOT_NEEDED";
    case ErrorCode::InvalidRecord:
        return "INVALID_RECORD";
    case ErrorCode::UnstableOffsetCommit:
        return "UNSTABLE_OFFSET_COMMIT";
    case ErrorCode::ProducerFenced:
        return "PRODUCER_FENCED";
    case ErrorCode::InvalidUpdateVersion:
        return "INVALID_UPDATE_VERSION";
    case ErrorCode::UnknownTopicId:
        return "UNKNOWN_TOPIC_ID";
    case ErrorCode::DuplicateBrokerRegistration:
        return "DUPLICATE_BROKER_REGISTRATION";
    case ErrorCode::BrokerIdNotRegistered:
        return "BROKER_ID_NOT_REGISTERED";
    case ErrorCode::TransactionalIdNotFound:
        return "TRANSACTIONAL_ID_NOT_FOUND";
    case ErrorCode::IneligibleReplica:
        return "INELIGIBLE_REPLICA";
    case ErrorCode::FencedMemberEpoch:
        return "FENCED_MEMBER_EPOCH";
    case ErrorCode::UnreleasedInstanceId:
        return "UNRELEASED_INSTANCE_ID";
    case ErrorCode::UnsupportedAssignor:
        return "UNSUPPORTED_ASSIGNOR";
    case ErrorCode::StaleMemberEpoch:
        return "STALE_MEMBER_EPOCH";
    case ErrorCode::TransactionAbortable:
        return "TRANSACTION_ABORTABLE";
    case ErrorCode::InvalidRecordState:
        return "INVALID_RECORD_STATE";
    case ErrorCode::ShareSessionNotFound:
        return "SHARE_SESSION_NOT_FOUND";
    case ErrorCode::InvalidShareSessionEpoch:
        return "INVALID_SHARE_SESSION_EPOCH";
    case ErrorCode::FencedStateEpoch:
        return "FENCED_STATE_EPOCH";
    case ErrorCode::ShareSessionLimitReached:
        return "SHARE_SESSION_LIMIT_REACHED";
    }
    return "UNKNOWN_SERVER_ERROR";
}

bool isRetriable(ErrorCode code)
{
    switch (code) { // the codes with a star in facts: kafka.md 2.6
    case ErrorCode::CorruptMessage:
    case ErrorCode::UnknownTopicOrPartition:
    case ErrorCode::LeaderNotAvailable:
    case ErrorCode::NotLeaderOrFollower:
    case ErrorCode::RequestTimedOut:
    case ErrorCode::NetworkException:
    case ErrorCode::CoordinatorLoadInProgress:
    case ErrorCode::CoordinatorNotAvailable:
    case ErrorCode::NotCoordinator:
    case ErrorCode::NotEnoughReplicas:
    case ErrorCode::NotEnoughReplicasAfterAppend:
    case ErrorCode::NotController:
    case ErrorCode::KafkaStorageError:
    case ErrorCode::ConcurrentTransactions:
    case ErrorCode::UnstableOffsetCommit:
    case ErrorCode::UnknownTopicId:
    case ErrorCode::ShareSessionNotFound:
    case ErrorCode::InvalidShareSessionEpoch:
    case ErrorCode::ShareSessionLimitReached:
    case ErrorCode::FencedLeaderEpoch:
    case ErrorCode::UnknownLeaderEpoch:
    case ErrorCode::OffsetNotAvailable:
    case ErrorCode::PreferredLeaderNotAvailable:
    case ErrorCode::EligibleLeadersNotAvailable:
    case ErrorCode::ElectionNotNeeded:
        return true;
    default:
        return false;
    }
}

} // namespace queuelab::log
