#include "engine/world/client_configs.h"
#include "engine/world/world.h"
#include "engine/world/yaml_values.h"

#include <fmt/format.h>

namespace queuelab::world {

namespace {

void readDuration(YamlMap &map, const std::string &key, Duration &out)
{
    Duration value{};
    const YAML::Node node = map.take(key);
    if (!node.IsDefined() || !readYaml(node, map.problems(), value))
        return;
    if (value > std::chrono::minutes{10})
        map.problems().add(
            node.Mark(), fmt::format("'{}' is {}, more than 10m", key, node.Scalar()));
    else
        out = value;
}

} // namespace

std::optional<WorldConfig> readWorldConfig(const YAML::Node &node, YamlProblems &problems)
{
    WorldConfig config;
    if (!node.IsDefined())
        return config;
    const std::size_t problemsBefore = problems.errors().size();
    YamlMap world(node, "world", problems);
    world.optional("seed", config.seed);
    if (const YAML::Node logNode = world.take("log"); logNode.IsDefined()) {
        YamlMap log(logNode, "log", problems);
        log.ranged("brokers", config.logBrokers, 1, WorldConfig::kMostLogBrokers);
        log.ranged("controllers", config.logControllers, 1, config.logBrokers);
        const YAML::Node configs = log.take("configs");
        if (configs.IsDefined() && readYaml(configs, problems, config.logConfigs)) {
            if (const auto settings = brokerConfig(config.logConfigs); !settings)
                problems.add(configs.Mark(), settings.error().problem, settings.error().remedy);
        }
        log.finish();
    }
    if (const YAML::Node networkNode = world.take("network"); networkNode.IsDefined()) {
        YamlMap network(networkNode, "network", problems);
        readDuration(network, "latency", config.latency);
        readDuration(network, "jitter", config.jitter);
        network.finish();
    }
    world.finish();
    if (problems.errors().size() != problemsBefore)
        return std::nullopt;
    return config;
}

YAML::Node writeWorldConfig(const WorldConfig &config)
{
    const WorldConfig standard;
    YAML::Node world;
    world["seed"] = toYaml(config.seed);
    if (config.logBrokers != standard.logBrokers)
        world["log"]["brokers"] = toYaml(config.logBrokers);
    if (config.logControllers != standard.logControllers)
        world["log"]["controllers"] = toYaml(config.logControllers);
    if (!config.logConfigs.empty())
        world["log"]["configs"] = toYaml(config.logConfigs);
    if (config.latency != standard.latency)
        world["network"]["latency"] = toYaml(config.latency);
    if (config.jitter != standard.jitter)
        world["network"]["jitter"] = toYaml(config.jitter);
    return world;
}

} // namespace queuelab::world
