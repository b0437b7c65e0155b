#pragma once
#include <string>
#include <vector>

#include "viridian/model/metadata.h"

namespace viridian {

/// A filter: a tree of conditions on metadata and documents, parsed once.
///
/// Meaning, for a record r (types and absence as Chroma's; mixed int/float comparison is exact):
///  - eq, gt, gte, lt, lte, in: r has the key, its value is a scalar of the operand's family
///    (string, bool, or number) and the comparison holds. ne and nin are the complements of eq and
///    in over all records.
///  - contains: r has the key, its value is an array of exactly the operand's type, and the operand
///    is an element. not_contains is its complement over all records.
///  - document_contains: r has a document that contains the text, code point by code point;
///    document_matches: r has a document in which the regular expression finds a match. The
///    not_ forms are complements over all records.
///  - all: every child holds (none: true); any: some child holds (none: false).
struct Where {
  enum class Op {
    all,
    any,
    eq,
    ne,
    gt,
    gte,
    lt,
    lte,
    in,
    nin,
    contains,
    not_contains,
    document_contains,
    document_not_contains,
    document_matches,
    document_not_matches,
  };

  /// Keys that name a record's own columns. Metadata cannot use them.
  static constexpr std::string_view kDocumentKey = "chroma:document";  ///< eq, ne on the whole text
  static constexpr std::string_view kUriKey = "chroma:uri";            ///< eq, ne on the uri

  Op op = Op::all;
  std::string key;                      ///< metadata key; empty for all, any and document_*
  std::vector<MetadataValue> operands;  ///< scalars: one; in and nin: one or more of one type;
                                        ///< document_*: one string
  std::vector<Where> children;          ///< all and any only

  friend bool operator==(const Where&, const Where&) = default;
};

}  // namespace viridian
