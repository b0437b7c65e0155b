#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "viridian/model/ids.h"

/// Whether calls made at the same time had answers that some order of them explains.
namespace viridian {

/// A call about collections' names, and its answer.
struct NameCall {
  enum class Kind : uint8_t { create, get, rename, remove };
  enum class Answer : uint8_t { ok, taken, missing, unknown };
  Kind kind = Kind::get;
  std::string name;                 ///< create, get; of rename the new one
  CollectionId id;                  ///< create, rename, remove; of get the answer
  Answer answer = Answer::unknown;  ///< unknown: it may take effect at any time after its begin
  uint64_t begun = 0;               ///< moments, of one clock
  uint64_t ended = 0;
};

class NameHistory {
 public:
  explicit NameHistory(std::vector<NameCall> calls) : calls_(std::move(calls)) {}

  /// An order in which each call comes after those that had ended when it began, and all answers
  /// are those of one map of names.
  bool explainable() {
    done_.assign(calls_.size(), false);
    return search({});
  }

 private:
  using Names = std::map<std::string, CollectionId>;

  bool search(const Names& names) {
    uint64_t first_end = UINT64_MAX;
    bool left = false;
    for (size_t i = 0; i < calls_.size(); ++i) {
      if (done_[i] || calls_[i].answer == NameCall::Answer::unknown) continue;
      left = true;
      first_end = std::min(first_end, calls_[i].ended);
    }
    if (!left) return true;
    if (!seen_.emplace(done_, names).second) return false;
    for (size_t i = 0; i < calls_.size(); ++i) {
      if (done_[i] || calls_[i].begun > first_end) continue;
      Names after = names;
      const NameCall::Answer answer = apply(calls_[i], after);
      const bool unknown = calls_[i].answer == NameCall::Answer::unknown;
      if (unknown ? answer != NameCall::Answer::ok : answer != calls_[i].answer) continue;
      done_[i] = true;
      if (search(after)) return true;
      done_[i] = false;
    }
    return false;
  }

  static NameCall::Answer apply(const NameCall& call, Names& names) {
    using Kind = NameCall::Kind;
    using Answer = NameCall::Answer;
    const auto at = names.find(call.name);
    if (call.kind == Kind::get) {
      if (at == names.end()) return Answer::missing;
      return call.answer == Answer::ok && at->second == call.id ? Answer::ok : Answer::unknown;
    }
    if (call.kind == Kind::create) {
      if (at != names.end()) return Answer::taken;
      names[call.name] = call.id;
      return Answer::ok;
    }
    auto mine = names.begin();
    while (mine != names.end() && mine->second != call.id) ++mine;
    if (mine == names.end()) return Answer::missing;
    if (call.kind == Kind::rename) {
      if (at != names.end() && at != mine) return Answer::taken;
      names.erase(mine);
      names[call.name] = call.id;
    } else {
      names.erase(mine);
    }
    return Answer::ok;
  }

  const std::vector<NameCall> calls_;
  std::vector<bool> done_;
  std::set<std::pair<std::vector<bool>, Names>> seen_;  // dead ends
};

}  // namespace viridian
