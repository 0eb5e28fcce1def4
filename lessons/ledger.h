#pragma once

#include "lessons/lesson.h"
#include "lessons/runner.h"

#include <map>
#include <string>
#include <vector>

namespace queuelab::lessons {

/// One statement of the guide, from lessons/claims.yaml.
struct Claim {
    std::string id;
    std::string section;
    std::string show; ///< run, measure, drill, card
    std::string verdict; ///< holds, nuanced, corrected
    std::string text;
    std::string nuance;
    std::map<std::string, std::string>
        cells; ///< rows of the decision matrix: what each tool offers
};
struct ClaimStatus {
    Claim claim;
    struct Proof {
        std::string lesson;
        std::size_t step = 0; ///< from 1, as people count
        bool holds = false;
    };
    std::vector<Proof> proofs; ///< empty: nothing proves it yet
    bool proved() const;
};

/// Reads a ledger strictly, as lessons are read.
Result<std::vector<Claim>, std::vector<Error>> loadClaims(const std::string &path);
/// The ledger that comes with the program: beside the catalogue.
std::string claimsFile();
/// The claims a lesson says it proves and that the ledger does not have, each with the nearest that
/// it has.
std::vector<Error> unknownClaims(const Lesson &lesson, const std::vector<Claim> &claims);
/// Holds the claims against the results of a run of the catalogue.
std::vector<ClaimStatus> judgeClaims(const std::vector<Claim> &claims, const Catalogue &catalogue,
    const std::vector<LessonResult> &results);

} // namespace queuelab::lessons
