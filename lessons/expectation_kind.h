#pragma once

#include "lessons/comparison.h"
#include "lessons/expectation.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::lessons {

/// One kind of thing an expectation can be about: how to find it in the evidence and what its
/// fields hold there.
class Kind {
public:
    explicit Kind(ExpectationKind words)
        : m_words(std::move(words))
    {
    }
    virtual ~Kind() = default;

    const ExpectationKind &words() const { return m_words; }
    const ExpectationField *field(std::string_view name) const;

    /// The names of this kind that the evidence holds, for "no group 'billin'; nearest: billing".
    virtual std::vector<std::string> names(const Evidence &evidence) const = 0;
    /// What is seen of each check of the expectation, in their order; every field must be one of
    /// words().fields. Else why nothing can be seen.
    virtual Result<std::vector<Seen>, std::string> see(
        const Expectation &expectation, const Evidence &evidence) const = 0;

private:
    ExpectationKind m_words;
};

/// A field and how it is read off a thing found in the evidence.
template <class Thing> struct ReadableField {
    ExpectationField words;
    std::function<Seen(const Thing &)> read;
};

/// The usual kind: finds a thing by name, then reads its fields.
template <class Thing> class KindOf final : public Kind {
public:
    using Find = std::function<Result<Thing, std::string>(const Expectation &, const Evidence &)>;
    using Names = std::function<std::vector<std::string>(const Evidence &)>;

    KindOf(ExpectationKind words, Find find, Names names, std::vector<ReadableField<Thing>> fields)
        : Kind(withFields(std::move(words), fields))
        , m_find(std::move(find))
        , m_names(std::move(names))
        , m_fields(std::move(fields))
    {
    }

    std::vector<std::string> names(const Evidence &evidence) const override
    {
        return m_names(evidence);
    }
    Result<std::vector<Seen>, std::string> see(
        const Expectation &expectation, const Evidence &evidence) const override
    {
        const Result<Thing, std::string> thing = m_find(expectation, evidence);
        if (!thing)
            return std::unexpected(thing.error());
        std::vector<Seen> seen;
        for (const auto &[name, comparison] : expectation.checks) {
            for (const ReadableField<Thing> &field : m_fields) {
                if (field.words.name == name)
                    seen.push_back(field.read(*thing));
            }
        }
        return seen;
    }

private:
    static ExpectationKind withFields(
        ExpectationKind words, const std::vector<ReadableField<Thing>> &fields)
    {
        for (const ReadableField<Thing> &field : fields)
            words.fields.push_back(field.words);
        return words;
    }

    Find m_find;
    Names m_names;
    std::vector<ReadableField<Thing>> m_fields;
};

using Kinds = std::vector<std::unique_ptr<const Kind>>;
/// All kinds, in the order of the reference.
const Kinds &allKinds();

void addLogKinds(Kinds &kinds); ///< topic, partition, group, broker, cluster
void addShareKinds(Kinds &kinds); ///< share-group, share-partition
void addExchangeKinds(Kinds &kinds); ///< exchange, binding, rabbitmq queue
void addVisibilityKinds(Kinds &kinds); ///< sqs queue
void addWorldKinds(Kinds &kinds); ///< client, message, event, measured

/// "no group 'billin'; nearest: billing"
std::string notFound(
    std::string_view kind, std::string_view name, const std::vector<std::string> &names);
/// What the applications did with the messages of a group or queue; all zero while nothing was
/// handled.
world::OutcomeSnapshot outcomeOf(
    const world::Snapshot &snapshot, world::Engine engine, std::string_view name);
Seen number(std::uint64_t value);
Seen number(std::int64_t value);

/// The figures of a live part, with what they mean.
const std::vector<ExpectationField> &liveFigures();

} // namespace queuelab::lessons
