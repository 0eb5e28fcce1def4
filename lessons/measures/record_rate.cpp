#include "lessons/measures/measure.h"
#include "lessons/measures/real_log.h"
#include "lessons/measures/rounds.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace queuelab::lessons {

namespace {

using Clock = std::chrono::steady_clock;

// A run ends with whichever comes first.
constexpr std::chrono::milliseconds kLongestRun{200};
constexpr std::uint64_t kLargestFile = 64 << 20;

struct Workload {
    std::size_t messageBytes = 0;
    std::size_t batchBytes = 0;
    log::CompressionType compression = log::CompressionType::None;
};

/// A sample: records a second, megabytes of values a second, bytes stored for a record.
Result<Sample, Error> produce(const std::string &root, const Workload &workload)
{
    std::error_code ignored; // if it stays, opening it says so
    std::filesystem::remove_all(root, ignored);
    const Result<std::unique_ptr<RealLog>, Error> log = RealLog::open(root);
    if (!log)
        return std::unexpected(log.error());
    const std::vector<Bytes> values = eventValues(workload.messageBytes, 1024);
    const std::size_t batchRecords = std::max<std::size_t>(
        1, workload.batchBytes / log::BatchBuilder::recordSizeUpperBound(0, workload.messageBytes));
    log::BatchBuilder builder;
    builder.setCompression(workload.compression);
    std::size_t records = 0;
    const auto begun = Clock::now();
    while (Clock::now() - begun < kLongestRun && (*log)->sizeBytes() < kLargestFile) {
        if (const Result<void, Error> done =
                (*log)->append(buildBatch(builder, values, records, batchRecords));
            !done)
            return std::unexpected(done.error());
        records += batchRecords;
    }
    const std::chrono::duration<double> took = Clock::now() - begun;
    const double perSecond = static_cast<double>(records) / took.count();
    return Sample{perSecond, perSecond * static_cast<double>(workload.messageBytes) / 1e6,
        static_cast<double>((*log)->sizeBytes()) / static_cast<double>(records)};
}

Result<std::vector<Measurement>, Error> measureRecordRate(
    const MeasureSettings &settings, const std::string &directory, const MeasureWatch &watch)
{
    const Workload first{static_cast<std::size_t>(settings.at("message-bytes")),
        static_cast<std::size_t>(settings.at("batch-bytes")),
        static_cast<log::CompressionType>(settings.at("compression"))};
    Workload then = first;
    if (const std::int64_t bytes = settings.at("then-message-bytes"); bytes > 0)
        then.messageBytes = static_cast<std::size_t>(bytes);
    if (const std::int64_t bytes = settings.at("then-batch-bytes"); bytes > 0)
        then.batchBytes = static_cast<std::size_t>(bytes);
    if (const std::int64_t choice = settings.at("then-compression"); choice > 0)
        then.compression = static_cast<log::CompressionType>(choice - 1);
    const std::string root = directory + "/log";
    const std::vector<OneRun> contenders{
        [&] { return produce(root, first); }, [&] { return produce(root, then); }};
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    return std::vector<Measurement>{
        {"records-per-second", rounds->median(0), "records/s"},
        {"values-rate", rounds->median(0, 1), "MB/s"},
        {"stored-per-record", rounds->median(0, 2), "bytes"},
        {"then-records-per-second", rounds->median(1), "records/s"},
        {"then-values-rate", rounds->median(1, 1), "MB/s"},
        {"then-stored-per-record", rounds->median(1, 2), "bytes"},
        {"then-over-first", rounds->ratio(1, 0), "times"},
        {"then-stored-over-first", rounds->ratio(1, 0, 2), "times"},
    };
}

/// In the order of CompressionType.
std::vector<std::string> codecs()
{
    std::vector<std::string> names;
    for (const log::CompressionType type : {log::CompressionType::None, log::CompressionType::Gzip,
             log::CompressionType::Snappy, log::CompressionType::Lz4, log::CompressionType::Zstd})
        names.emplace_back(log::compressionName(type));
    return names;
}

std::vector<std::string> withUnchanged(std::vector<std::string> names)
{
    names.insert(names.begin(), "unchanged");
    return names;
}

} // namespace

Measure recordRate()
{
    return {"record-rate",
        "One producer builds batches and appends them to a partition on a real file, as fast as it "
        "can; then the same with one thing changed.",
        {{"message-bytes", "size of a value", 100, 1, 1'000'000},
            {"batch-bytes", "size of a batch (batch.size); one record at least is in it", 16'384, 1,
                1'000'000},
            {"compression", "how batches are compressed", 0, 0, 4, codecs()},
            {"then-message-bytes", "the same for the second run; 0: unchanged", 0, 0, 1'000'000},
            {"then-batch-bytes", "the same for the second run; 0: unchanged", 0, 0, 1'000'000},
            {"then-compression", "the same for the second run", 0, 0, 5, withUnchanged(codecs())},
            {"rounds", "how often both are measured", 3, 1, 99}},
        {{"records-per-second", "of the first run"},
            {"values-rate", "of the first run, in bytes of values"},
            {"stored-per-record", "bytes in the file for a record of the first run"},
            {"then-records-per-second", "of the second run"},
            {"then-values-rate", "of the second run, in bytes of values"},
            {"then-stored-per-record", "bytes in the file for a record of the second run"},
            {"then-over-first", "how many times the records a second"},
            {"then-stored-over-first", "how many times the bytes for a record"}},
        measureRecordRate};
}

} // namespace queuelab::lessons
