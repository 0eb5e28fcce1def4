#pragma once

#include "engine/log/broker.h"
#include "engine/log/consumer.h"
#include "engine/log/producer.h"
#include "engine/world/command.h"

namespace queuelab::world {

/// A setting that a client or broker does not have, or that cannot have this value.
struct ConfigProblem {
    std::string problem; ///< "there is no producer setting 'linger.mss'"
    std::string remedy; ///< "did you mean 'linger.ms'?"
};

/// Settings under Kafka's keys, turned into what the log's clients and brokers take. Keys left out
/// keep their defaults.
Result<log::ProducerConfig, ConfigProblem> producerConfig(const Settings &settings);
/// Group, topics and commit mode come from the command's own fields, the rest from its configs.
Result<log::ConsumerConfig, ConfigProblem> consumerConfig(const AddConsumer &command);
Result<log::BrokerConfig, ConfigProblem> brokerConfig(const Settings &settings);

} // namespace queuelab::world
