#pragma once
#include <gtest/gtest.h>

#include <memory>

#include "component/data_directory.h"
#include "os/faulty_files.h"
#include "os/real_files.h"
#include "os/temporary_directory.h"
#include "sysdb/mem_sysdb.h"
#include "sysdb/sqlite_sysdb.h"
#include "tests/conformance/sysdb_holder.h"

namespace viridian {

class MemHolder final : public SysDbHolder {
 public:
  SysDb& db() override { return db_; }

 private:
  mem::SysDb db_;
};

/// Over the operating system's files, or, where asked, with everything through os::Files.
class SqliteHolder final : public SysDbHolder {
 public:
  explicit SqliteHolder(bool through_files = false) : through_files_(through_files) { open(); }
  SysDb& db() override { return *db_; }
  void reopen() override {
    db_.reset();
    open();
  }

 private:
  void open() {
    os::Files& files = through_files_ ? static_cast<os::Files&>(faulty_) : real_;
    db_ = std::make_unique<sqlite::SysDb>(files, directory_, sqlite::SysDb::Options());
    const Status status = db_->start(Context());
    if (!status.ok()) ADD_FAILURE() << status.error().message();
  }

  const bool through_files_;
  os::TemporaryDirectory temporary_;
  os::RealFiles real_;
  os::FaultyFiles faulty_{real_, os::FaultyFiles::Syncs::pretended};
  local::DataDirectory directory_{real_, temporary_.path()};
  std::unique_ptr<sqlite::SysDb> db_;
};

}  // namespace viridian
