#pragma once

#include "storage_fixture.h"

#include "engine/log/control_records.h"
#include "engine/log/log_cleaner.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace queuelab::log {

inline constexpr std::int64_t kDay = 86'400'000;

struct KeyValue {
    std::string key;
    std::optional<std::string> value;
};

inline LogConfig compactedConfig()
{
    LogConfig config;
    config.deletes = false;
    config.compacts = true;
    return config;
}

/// A log in memory, and what its cleaner needs.
class CleanerFixture {
public:
    explicit CleanerFixture(LogConfig topic = compactedConfig())
        : config(topic)
        , log(storage.open(config))
    {
    }

    void append(ByteView batch)
    {
        log.append(batch, 0, storage.context, AppendOrigin::Broker).value();
    }
    void append(BatchBuilder &builder) { append(builder.finish()); }
    /// One record in a batch of its own, with the time it is now.
    void add(const std::string &key, std::optional<std::string> value)
    {
        addBatch({{key, std::move(value)}});
    }
    void addBatch(const std::vector<KeyValue> &records)
    {
        BatchBuilder builder;
        builder.setCompression(compression);
        fill(builder, records);
        append(builder);
    }
    void fill(BatchBuilder &builder, const std::vector<KeyValue> &records)
    {
        for (const KeyValue &record : records) {
            builder.append(epochMillis(storage.context.now), asBytes(record.key),
                record.value ? std::optional(asBytes(*record.value)) : std::nullopt);
        }
    }
    void addTransactional(
        std::int64_t producer, std::int32_t sequence, const std::vector<KeyValue> &records)
    {
        BatchBuilder builder;
        builder.setProducer(producer, 0, sequence);
        builder.setTransactional(true);
        fill(builder, records);
        append(builder);
    }
    /// As an idempotent producer sends them.
    Result<AppendResult, ErrorCode> produce(
        std::int64_t producer, std::int32_t sequence, const std::vector<KeyValue> &records)
    {
        BatchBuilder builder;
        builder.setProducer(producer, 0, sequence);
        fill(builder, records);
        return log.append(builder.finish(), 0, storage.context);
    }
    void addProduced(
        std::int64_t producer, std::int32_t sequence, const std::vector<KeyValue> &records)
    {
        produce(producer, sequence, records).value();
    }
    void end(ControlType type, std::int64_t producer)
    {
        const Bytes marker =
            endTransactionBatch(type, producer, 0, 0, epochMillis(storage.context.now));
        log.append(marker, 0, storage.context, AppendOrigin::Broker).value();
    }
    /// The next append starts a new segment.
    void roll()
    {
        LogConfig small = config;
        small.segmentBytes = 1;
        log.configure(small);
    }
    /// Appends `key`=`value`, in a new segment.
    void addRolled(const std::string &key, std::optional<std::string> value)
    {
        roll();
        add(key, std::move(value));
        log.configure(config);
    }

    /// facts: kafka.md 6: offsets 0 to 8 in three segments.
    void addWorkedExample()
    {
        add("A", "1");
        add("B", "1");
        add("A", "2");
        add("C", "1");
        add("B", std::nullopt);
        addRolled("A", "3");
        add("D", "1");
        add("C", std::nullopt);
        addRolled("A", "4");
    }
    /// Another life of the same log. After a clean one it is closed in order first.
    void reopen(bool clean)
    {
        if (clean)
            log.close(storage.context).value();
        report = {};
        log = storage.open(config, clean, &report);
    }

    Cleanable range(std::int64_t checkpoint = -1) const
    {
        return cleanableRange(log, checkpoint, log.logEndOffset(), storage.context);
    }
    CleanResult clean()
    {
        const CleanResult result =
            cleanLog(log, range(firstDirty), settings, kNoName, kNoName, storage.context).value();
        firstDirty = result.nextDirtyOffset;
        return result;
    }

    /// "4 B=null, 5 A=3": what is left, control records as "COMMIT" and "ABORT".
    std::string content() const { return contentOf(log); }
    std::string contentOf(const PartitionLog &from) const
    {
        std::string text;
        const Bytes bytes = readAll(from, storage.files, from.logStartOffset());
        for (ByteView rest = bytes; !rest.empty();) {
            const BatchHeader header = checkBatch(rest).value();
            RecordCursor cursor(rest.first(header.sizeBytes()));
            while (cursor.next()) {
                const RecordView &record = cursor.record();
                text += (text.empty() ? "" : ", ") + std::to_string(record.offset) + ' ';
                if (header.isControl()) {
                    text += (*record.key)[3] == 0 ? "ABORT" : "COMMIT";
                    continue;
                }
                text += (record.key ? std::string(asText(*record.key)) : "null") + '='
                    + (record.value ? std::string(asText(*record.value)) : "null");
            }
            rest = rest.subspan(header.sizeBytes());
        }
        return text;
    }
    /// The last committed value of each key that has one, as a consumer learns it that reads
    /// committed from the log's start (facts: kafka.md 4.4).
    std::map<std::string, std::string> committed() const
    {
        const std::int64_t from = log.logStartOffset();
        const std::int64_t to = log.lastStableOffset(log.logEndOffset());
        auto aborted = log.abortedTransactions(from, to);
        std::ranges::sort(aborted, {}, [](const auto &one) { return one.firstOffset; });
        std::size_t next = 0;
        std::set<std::int64_t> dropped; // producer ids
        std::map<std::string, std::string> values;
        const Bytes bytes = readAll(log, storage.files, from);
        for (ByteView rest = bytes; !rest.empty();) {
            const BatchHeader header = checkBatch(rest).value();
            if (header.baseOffset >= to)
                break;
            for (; next < aborted.size() && aborted[next].firstOffset <= header.lastOffset();
                ++next)
                dropped.insert(aborted[next].producerId);
            RecordCursor cursor(rest.first(header.sizeBytes()));
            rest = rest.subspan(header.sizeBytes());
            if (header.isControl()) {
                if (cursor.next() && (*cursor.record().key)[3] == 0)
                    dropped.erase(header.producerId);
                continue;
            }
            if (header.isTransactional() && dropped.contains(header.producerId))
                continue;
            while (cursor.next()) {
                const std::string key(asText(*cursor.record().key));
                if (cursor.record().value)
                    values[key] = asText(*cursor.record().value);
                else
                    values.erase(key);
            }
        }
        return values;
    }
    std::vector<BatchHeader> headers() const
    {
        std::vector<BatchHeader> found;
        const Bytes bytes = readAll(log, storage.files, log.logStartOffset());
        for (ByteView rest = bytes; !rest.empty();) {
            found.push_back(checkBatch(rest).value());
            rest = rest.subspan(found.back().sizeBytes());
        }
        return found;
    }
    std::vector<std::int64_t> bases() const
    {
        std::vector<std::int64_t> found;
        for (const SegmentInfo &segment : log.segments())
            found.push_back(segment.baseOffset);
        return found;
    }

    /// Of the files in the log's directory.
    std::vector<std::string> names() const
    {
        return storage.files.list("broker-1/orders-3").value();
    }

    LogConfig config;
    Storage storage;
    CompressionType compression = CompressionType::None;
    PartitionLog log;
    CleanerSettings settings;
    std::int64_t firstDirty = -1; ///< where the last clean() ended
    RecoveryReport report; ///< of the last reopen()
};

} // namespace queuelab::log
