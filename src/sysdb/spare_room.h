#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "os/files.h"

namespace viridian::sqlite {

/// A file that only takes up room, so that there is some to give up when the disk is full: deleting
/// collections takes a little before it makes room. For one thread at a time.
class SpareRoom {
 public:
  static constexpr uint64_t kBytes = 1 << 20;

  SpareRoom(os::Files& files, std::string path) : files_(files), path_(std::move(path)) {}

  /// Takes the room unless it is held. Where there is none, or the file system cannot reserve, it
  /// is tried again by the next call.
  void take();
  /// Gives the room up. False: there was none to give.
  bool give_up();

 private:
  os::Files& files_;
  const std::string path_;
  bool held_ = false;
};

}  // namespace viridian::sqlite
