#pragma once

#include "engine/core/context.h"
#include "engine/visibility/requests.h"
#include "engine/visibility/snapshot.h"

#include <memory>
#include <variant>
#include <vector>

namespace queuelab::visibility {

struct ServiceConfig {
    std::string region = "us-east-1";
    std::string account = "000000000000";
};

/// What reaches the service.
struct ClientRequest {
    ClientId client;
    RequestId id;
    std::string clientName; ///< for the trace and the stage
    Request request;
};
/// The client went away: its long polls end unanswered. What it holds stays hidden until the
/// timeout, as on AWS.
struct ClientGone {
    ClientId client;
};
struct WakeUp { };
using Input = std::variant<ClientRequest, ClientGone, WakeUp>;

/// What the service wants done, in this order.
struct Answer {
    ClientId client;
    RequestId id;
    Response response;
};
/// Wake me (WakeUp) at `at`. Only the earliest one asked for is kept; waking early is harmless.
struct WakeAt {
    Instant at;
};
using Effect = std::variant<Answer, WakeAt>;
using Effects = std::vector<Effect>;

/// SQS: standard queues with visibility timeouts, delays, long polls and dead-letter queues. A
/// state machine whose state is a value: apply() is the only way to change it. A receive that waits
/// is part of the state, answered by a later step.
class Service {
public:
    explicit Service(ServiceConfig config);
    Service(const Service &other);
    Service &operator=(const Service &other);
    Service(Service &&) noexcept;
    Service &operator=(Service &&) noexcept;
    ~Service();

    /// Appends to `effects`, which the caller reuses.
    void apply(const Input &input, Context &context, Effects &effects);

    ServiceSnapshot snapshot() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace queuelab::visibility
