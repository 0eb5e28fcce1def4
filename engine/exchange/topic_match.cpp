#include "engine/exchange/broker.h"
#include "engine/exchange/topic_words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace queuelab::exchange {

namespace {

using Words = std::vector<std::string_view>;

Words wordsOf(std::string_view key)
{
    Words all;
    for (TopicWords words(key); !words.atEnd();)
        all.push_back(words.next());
    return all;
}

std::string countOf(std::size_t words)
{
    static constexpr std::string_view kSmall[] = {"none", "one", "two", "three", "four", "five"};
    return words < std::size(kSmall) ? std::string(kSmall[words]) : fmt::format("{}", words);
}

/// Why `pattern`, which holds no '#', does not fit the beginning of `key`; nothing when it does.
std::optional<std::string> prefixMismatch(
    std::span<const std::string_view> pattern, const Words &key)
{
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (i == key.size()) {
            return pattern[i] == "*"
                ? std::string("* takes one word, but the key has none left for it")
                : fmt::format("the key ends where the binding wants '{}'", pattern[i]);
        }
        if (pattern[i] != "*" && pattern[i] != key[i])
            return fmt::format(
                "word {} is '{}', but the binding wants '{}'", i + 1, key[i], pattern[i]);
    }
    return std::nullopt;
}

/// The same for its end.
std::optional<std::string> suffixMismatch(
    std::span<const std::string_view> pattern, const Words &key)
{
    for (std::size_t i = 1; i <= pattern.size(); ++i) {
        const std::string_view wanted = pattern[pattern.size() - i];
        if (i > key.size())
            return fmt::format("the key is too short for '{}' at its end", fmt::join(pattern, "."));
        const std::string_view word = key[key.size() - i];
        if (wanted != "*" && wanted != word)
            return fmt::format(
                "the key ends in '{}', but the binding wants '{}' there", word, wanted);
    }
    return std::nullopt;
}

bool fits(std::span<const std::string_view> pattern, std::span<const std::string_view> words)
{
    return std::equal(pattern.begin(), pattern.end(), words.begin(), words.end(),
        [](std::string_view wanted, std::string_view word) {
            return wanted == "*" || wanted == word;
        });
}

/// A pattern without '#'.
std::string fixedLengthMismatch(const Words &pattern, const Words &key)
{
    // The usual surprise first: everything fits but the number of words a '*' would have to take.
    if (key.size() > pattern.size()) {
        for (std::size_t star = 0; star < pattern.size(); ++star) {
            const std::size_t taken = key.size() - pattern.size() + 1;
            const std::span<const std::string_view> patternWords(pattern);
            const std::span<const std::string_view> keyWords(key);
            if (pattern[star] == "*" && fits(patternWords.first(star), keyWords.first(star))
                && fits(patternWords.subspan(star + 1), keyWords.subspan(star + taken))) {
                return fmt::format("* takes one word, but '{}' is {}",
                    fmt::join(keyWords.subspan(star, taken), "."), countOf(taken));
            }
        }
    }
    if (const auto problem = prefixMismatch(pattern, key))
        return *problem;
    return fmt::format(
        "the binding ends before '{}'", fmt::join(std::span(key).subspan(pattern.size()), "."));
}

} // namespace

bool topicMatches(std::string_view pattern, std::string_view routingKey)
{
    const Words wanted = wordsOf(pattern);
    const Words words = wordsOf(routingKey);
    // reachable[i]: the pattern so far can take exactly the first i words.
    std::vector<bool> reachable(words.size() + 1, false);
    reachable[0] = true;
    for (const std::string_view part : wanted) {
        std::vector<bool> next(words.size() + 1, false);
        for (std::size_t i = 0; i <= words.size(); ++i) {
            if (part == "#")
                next[i] = reachable[i] || (i > 0 && next[i - 1]);
            else
                next[i] = i > 0 && reachable[i - 1] && (part == "*" || part == words[i - 1]);
        }
        reachable = std::move(next);
    }
    return reachable.back();
}

std::string topicMismatch(std::string_view pattern, std::string_view routingKey)
{
    if (topicMatches(pattern, routingKey))
        return {};
    const Words wanted = wordsOf(pattern);
    const Words words = wordsOf(routingKey);
    const auto firstHash = std::find(wanted.begin(), wanted.end(), "#");
    if (firstHash == wanted.end())
        return fixedLengthMismatch(wanted, words);
    const auto lastHash = std::find(wanted.rbegin(), wanted.rend(), "#").base();
    const std::span<const std::string_view> head(wanted.begin(), firstHash);
    const std::span<const std::string_view> tail(lastHash, wanted.end());
    if (const auto problem = prefixMismatch(head, words))
        return *problem;
    if (const auto problem = suffixMismatch(tail, words))
        return *problem;
    if (head.size() + tail.size() > words.size()) {
        return fmt::format("the key has {} words, but the binding wants at least {}", words.size(),
            head.size() + tail.size());
    }
    return fmt::format("# takes any words, but '{}' does not occur between them",
        fmt::join(std::span(firstHash + 1, lastHash - 1), "."));
}

} // namespace queuelab::exchange
