#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "clickhouse/http_connection.h"
#include "clickhouse/native.h"

namespace viridian::clickhouse {

/// Bytes on their way from a connection to a decoder: one thread puts, one takes. Until wait_for_
/// room() both are the same thread. It holds a bounded number of bytes; then the network has to
/// wait.
class StreamBuffer final : public ByteSource {
 public:
  /// Bytes that come before there is a thread for the network: short answers need none.
  static constexpr size_t kDirectBytes = 256 << 10;
  static constexpr size_t kMostBytes = size_t{8} << 20;

  /// The putting side. Later: beyond kDirectBytes, before wait_for_room(). Never: after abandon().
  Taken put(std::string_view bytes);
  /// From now on put() waits where there is no room.
  void wait_for_room();
  /// Nothing more comes.
  void finish();
  bool holding() const;  ///< whether something was put off

  /// The taking side.
  std::string_view peek() override;
  void skip(size_t n) override { read_ += n; }
  /// Nothing more will be taken.
  void abandon();

 private:
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable emptied_;
  std::deque<std::string> pieces_;
  std::string spare_;  ///< a piece's memory, for the next one
  size_t bytes_ = 0;   ///< in pieces_
  bool may_wait_ = false;
  bool holding_ = false;
  bool finished_ = false;
  bool abandoned_ = false;
  std::string current_;  ///< the piece being taken; only the taking side knows it
  size_t read_ = 0;      ///< of current_
};

}  // namespace viridian::clickhouse
