#pragma once

namespace queuelab {

/// Joins lambdas into one visitor for std::visit, a case of the variant each.
template <class... Cases> struct Overloaded : Cases... {
    using Cases::operator()...;
};

} // namespace queuelab
