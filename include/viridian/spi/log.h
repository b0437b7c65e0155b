#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "viridian/base/context.h"
#include "viridian/base/result.h"
#include "viridian/model/ids.h"
#include "viridian/model/record_batch.h"

namespace viridian {

using SharedBatch = std::shared_ptr<const RecordBatch>;

/// The write side of the log. Thread-safe. Collections do not know of each other: what happens to
/// one (damage, a full queue, a drop) never shows in another. A log that only follows what another
/// process writes answers permission_denied.
class Producer {
 public:
  static constexpr std::string_view kSetting = "producer";
  virtual ~Producer() = default;

  /// Appends one batch, whole or not at all, and returns, once it is durable, the number of its
  /// last record. A batch of n records takes n numbers; within a collection numbers grow in append
  /// order. The batch is shared, not copied: nobody may change it any more.
  ///   invalid_argument    the batch is empty
  ///   resource_exhausted  the log or its disk is full; nothing was written
  ///   data_loss           this collection's log cannot be written any more until it is reopened
  ///   deadline_exceeded   before anything was written
  ///   aborted             another process is the collection's writer; nothing was acknowledged
  virtual Result<SeqId> append(const Context&, const CollectionId&, SharedBatch batch) = 0;

  /// As append(), for a batch that was decided upon by what the collection holds up to `last`: it
  /// is refused where the log goes further. Where only one process can write, its callers keep each
  /// other out, and this is append().
  ///   aborted  the log has other records after `last`, or may have
  virtual Result<SeqId> append_if(const Context& context, const CollectionId& collection,
                                  SharedBatch batch, SeqId last) {
    (void)last;
    return append(context, collection, std::move(batch));
  }

  /// Begins the log of a collection whose records up to `after` are elsewhere: its first record
  /// gets the number after + 1. Durable on return.
  ///   already_exists  the collection has a log
  ///   unimplemented   this log cannot begin in the middle
  virtual Status start_after(const Context&, const CollectionId&, SeqId after) = 0;

  /// Forgets the collection's log and gives its space back. Absent: ok.
  virtual Status drop(const Context&, const CollectionId&) = 0;

  /// Forgets the logs of all collections but these: what a crash left of dropped ones. To be called
  /// before collections can be created. Where none is known nothing durable is forgotten: the SysDb
  /// may be the wrong one.
  virtual Status retain(const Context&, const std::vector<CollectionId>& known) = 0;
};

/// One appended batch as the log gives it back: record i has number first_seq + i.
struct LogBatch {
  SeqId first_seq = 0;
  SharedBatch batch;
  SeqId last_seq() const { return first_seq + batch->rows() - 1; }
};

/// The read side: pull, never push. Thread-safe.
class Consumer {
 public:
  static constexpr std::string_view kSetting = "consumer";
  virtual ~Consumer() = default;

  /// Whole batches after number `after`, oldest first, until about `limit_bytes` are collected (at
  /// least one batch where there is any). Empty at the end of the log.
  ///   out_of_range  `after` is before what trim() left: those records are gone from the log. Where
  ///                 another process writes the log: or records up to `after` were seen that it
  ///                 then lost without having acknowledged them. Whoever applied them begins anew,
  ///                 and says so (forget_reader).
  ///   data_loss     a stored frame is damaged; the message says where, and which numbers it held
  virtual Result<std::vector<LogBatch>> read(const Context&, const CollectionId&, SeqId after,
                                             size_t limit_bytes) = 0;

  /// The number of the last durable record; 0 for a collection that never had one. A number once
  /// given is never given again, trimmed or not. Where other processes write, the context says how
  /// old the answer may be (Context::age).
  virtual Result<SeqId> last(const Context&, const CollectionId&) = 0;

  /// Whether all records up to `applied` that read() gave out still count, as far as is known here:
  /// nothing is asked. If not, read() after that number is out_of_range. last() is what brings
  /// news.
  virtual bool counts(const CollectionId&, SeqId applied) const {
    (void)applied;
    return true;
  }

  /// The last number, after which it is certain of all up to it whether they count, and of none
  /// that came meanwhile: as long as this process goes on to be the collection's writer, what
  /// counts by then is there for good, whoever writes later.
  ///   aborted  another process is the collection's writer
  virtual Result<SeqId> settle(const Context& context, const CollectionId& collection) {
    return last(context, collection);
  }

  /// What read() gave out of the collection is let go of, or will not be used: whoever reads it
  /// next begins anew. Absent: nothing happens.
  virtual void forget_reader(const CollectionId&) {}

  /// Returns once last() > after, or with the context's error.
  virtual Status wait(const Context&, const CollectionId&, SeqId after) = 0;

  /// Lets go of records up to and including `up_to`. How much space is given back at once is the
  /// log's business; what is gone is never in part a batch.
  virtual Status trim(const Context&, const CollectionId&, SeqId up_to) = 0;

  /// As trim(), and returns once nothing is stored of those records any more, whatever work that
  /// is.
  virtual Status erase(const Context& context, const CollectionId& collection, SeqId up_to) {
    return trim(context, collection, up_to);
  }

  /// Whether records outlive the process. If so, only what is sealed into files may be trimmed.
  virtual bool durable() const noexcept = 0;
};

}  // namespace viridian
