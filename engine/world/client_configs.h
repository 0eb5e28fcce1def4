#pragma once

#include "engine/log/broker.h"
#include "engine/log/consumer.h"
#include "engine/log/producer.h"
#include "engine/log/share_consumer.h"
#include "engine/world/command.h"

namespace queuelab::world {

/// A setting that a client or broker does not have, or that cannot have this value.
struct ConfigProblem {
    std::string problem; ///< "there is no producer setting 'linger.mss'"
    std::string remedy; ///< "did you mean 'linger.ms'?"
};

/// Settings under Kafka's keys, turned into what the log's clients and brokers take. Keys left out
/// keep their defaults.
Result<log::ProducerConfig, ConfigProblem> producerConfig(const AddProducer &command);
/// Group, topics and commit mode come from the command's own fields, the rest from its configs.
Result<log::ConsumerConfig, ConfigProblem> consumerConfig(const AddConsumer &command);
/// Group, topics and the way to acknowledge come from the command's own fields.
Result<log::ShareConsumerConfig, ConfigProblem> shareConsumerConfig(
    const AddShareConsumer &command);
/// Of the two clients inside a transformer called `name`. Each setting goes to the one that has it,
/// or to both. What makes the guarantee is the command's to decide.
struct TransformerConfigs {
    log::ConsumerConfig consumer;
    log::ProducerConfig producer;
};
Result<TransformerConfigs, ConfigProblem> transformerConfigs(
    const AddTransformer &command, const std::string &name);
Result<log::BrokerConfig, ConfigProblem> brokerConfig(const Settings &settings);

} // namespace queuelab::world
