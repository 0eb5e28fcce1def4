#include "engine/exchange/death_table.h"

#include "engine/exchange/field_text.h"

#include <algorithm>

namespace queuelab::exchange {

namespace {

constexpr std::string_view kDeaths = "x-death";
constexpr std::string_view kRejected = "rejected";

/// The text of an entry's field; "" when the entry is no table or has no such text (a client may
/// have put it there).
std::string_view textOf(const FieldValue &entry, std::string_view field)
{
    const auto *table = std::get_if<FieldTable>(&entry.value);
    const FieldValue *value = table ? lookup(*table, field) : nullptr;
    const auto *text = value ? std::get_if<std::string>(&value->value) : nullptr;
    return text ? std::string_view(*text) : std::string_view();
}

std::int64_t countOf(const FieldValue &entry)
{
    const auto *table = std::get_if<FieldTable>(&entry.value);
    const FieldValue *value = table ? lookup(*table, "count") : nullptr;
    const auto *count = value ? std::get_if<std::int64_t>(&value->value) : nullptr;
    return count ? *count : 0;
}

const FieldArray *deathsOf(const FieldTable &headers)
{
    const FieldValue *value = lookup(headers, kDeaths);
    return value ? std::get_if<FieldArray>(&value->value) : nullptr;
}

FieldTable newEntry(const Death &death)
{
    FieldTable entry;
    entry["count"].value = std::int64_t{1};
    entry["reason"].value = std::string(death.reason);
    entry["queue"].value = std::string(death.queue);
    entry["time"] =
        Timestamp{std::chrono::floor<std::chrono::seconds>(death.at.time_since_epoch()).count()};
    entry["exchange"].value = std::string(death.exchange);
    FieldArray keys;
    for (const std::string_view key : death.routingKeys)
        keys.emplace_back(std::string(key));
    entry["routing-keys"].value = std::move(keys);
    if (death.expiration)
        entry["original-expiration"].value = *death.expiration;
    return entry;
}

void setNamedDeath(FieldTable &headers, const std::string &prefix, const Death &death)
{
    headers[prefix + "-reason"].value = std::string(death.reason);
    headers[prefix + "-queue"].value = std::string(death.queue);
    headers[prefix + "-exchange"].value = std::string(death.exchange);
}

} // namespace

void recordDeath(FieldTable &headers, const Death &death)
{
    if (!headers.contains(std::string(kDeaths)))
        setNamedDeath(headers, "x-first-death", death);
    setNamedDeath(headers, "x-last-death", death);

    FieldValue &value = headers[std::string(kDeaths)];
    if (!std::holds_alternative<FieldArray>(value.value))
        value.value
            .emplace<FieldArray>(); // new, or something of a client's that is no table of deaths
    auto &deaths = std::get<FieldArray>(value.value);
    const auto known = std::ranges::find_if(deaths, [&](const FieldValue &entry) {
        return textOf(entry, "queue") == death.queue && textOf(entry, "reason") == death.reason;
    });
    if (known == deaths.end()) {
        deaths.emplace_back(newEntry(death));
        std::rotate(deaths.begin(), deaths.end() - 1, deaths.end());
        return;
    }
    std::get<FieldTable>(known->value)["count"].value = countOf(*known) + 1;
    std::rotate(deaths.begin(), known, known + 1);
}

bool isAutomaticCycle(const FieldTable &headers, std::string_view queue)
{
    const FieldArray *deaths = deathsOf(headers);
    if (!deaths)
        return false;
    for (const FieldValue &entry : *deaths) {
        const bool foreign =
            !std::holds_alternative<FieldTable>(entry.value); // a client had a hand in it
        if (foreign || textOf(entry, "reason") == kRejected)
            return false;
        if (textOf(entry, "queue") == queue)
            return true;
    }
    return false;
}

DeathSummary summarizeDeaths(const FieldTable &headers)
{
    DeathSummary summary;
    const FieldArray *deaths = headers.empty() ? nullptr : deathsOf(headers);
    if (!deaths || deaths->empty())
        return summary;
    for (const FieldValue &entry : *deaths)
        summary.deaths +=
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(countOf(entry), 0, UINT32_MAX / 2));
    summary.lastReason = textOf(deaths->front(), "reason");
    return summary;
}

} // namespace queuelab::exchange
