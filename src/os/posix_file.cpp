#include "os/posix_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/real_files.h"

namespace viridian::os {
namespace {

constexpr size_t kVectorsPerCall = 512;  // below IOV_MAX, and 8 KiB of stack

/// Fills `vectors` with the parts from (part, skip) on; returns how many.
size_t gather(std::span<const Bytes> parts, size_t part, size_t skip, std::span<iovec> vectors) {
  size_t filled = 0;
  for (; part < parts.size() && filled < vectors.size(); ++part, skip = 0) {
    const Bytes rest = parts[part].subspan(skip);
    if (rest.empty()) continue;
    // iovec serves reads too, hence not const; pwritev does not write through it.
    vectors[filled++] = {const_cast<std::byte*>(rest.data()), rest.size()};
  }
  return filled;
}

/// Moves (part, skip) on by `done` bytes, and past empty parts.
void advance(std::span<const Bytes> parts, size_t done, size_t& part, size_t& skip) {
  while (part < parts.size() && done >= parts[part].size() - skip) {
    done -= parts[part].size() - skip;
    skip = 0;
    ++part;
  }
  skip += done;
}

}  // namespace

Descriptor::~Descriptor() {
  if (valid()) ::close(number_);
}

Descriptor open_descriptor(const std::string& path, int flags) {
  int number = -1;
  do {
    number = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (number < 0 && errno == EINTR);
  return Descriptor(number);
}

Result<size_t> PosixFile::read_at(uint64_t offset, std::span<std::byte> buffer) const {
  size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = ::pread(descriptor_.get(), buffer.data() + done, buffer.size() - done,
                                static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<size_t>(got);
    } else if (errno != EINTR) {
      return system_error("read", fmt::format("{} at offset {}", path_, offset + done), errno);
    }
  }
  return done;
}

Status PosixFile::write_at(uint64_t offset, std::span<const Bytes> parts) {
  std::array<iovec, kVectorsPerCall> vectors;
  size_t part = 0;
  size_t skip = 0;
  advance(parts, 0, part, skip);
  while (part < parts.size()) {
    const size_t count = gather(parts, part, skip, vectors);
    const ssize_t put = ::pwritev(descriptor_.get(), vectors.data(), static_cast<int>(count),
                                  static_cast<off_t>(offset));
    if (put > 0) {
      offset += static_cast<uint64_t>(put);
      advance(parts, static_cast<size_t>(put), part, skip);
    } else if (put == 0) {
      return system_error("write", fmt::format("{} at offset {}", path_, offset), ENOSPC);
    } else if (errno != EINTR) {
      return system_error("write", fmt::format("{} at offset {}", path_, offset), errno);
    }
  }
  return ok_status();
}

Status PosixFile::sync() {
  // Not tried again on any error: the kernel may have dropped the pages it could not write.
  if (::fdatasync(descriptor_.get()) != 0) return system_error("sync", path_, errno);
  return ok_status();
}

Status PosixFile::truncate(uint64_t size) {
  int result = 0;
  do {
    result = ::ftruncate(descriptor_.get(), static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return system_error("truncate", path_, errno);
  return ok_status();
}

Status PosixFile::reserve(uint64_t size) {
  if (size == 0) return ok_status();
  int result = 0;
  do {
    result = ::fallocate(descriptor_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size));
  } while (result != 0 && errno == EINTR);
  if (result == 0 || errno == EOPNOTSUPP || errno == ENOSYS) return ok_status();
  return system_error("reserve space for", path_, errno);
}

Result<uint64_t> PosixFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0) return system_error("look at", path_, errno);
  return static_cast<uint64_t>(status.st_size);
}

}  // namespace viridian::os
