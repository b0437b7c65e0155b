#pragma once
#include <gtest/gtest.h>

#include <memory>

#include "component/data_directory.h"
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

class SqliteHolder final : public SysDbHolder {
 public:
  SqliteHolder() { open(); }
  SysDb& db() override { return *db_; }
  void reopen() override {
    db_.reset();
    open();
  }

 private:
  void open() {
    db_ = std::make_unique<sqlite::SysDb>(directory_, sql::MigrationMode::apply);
    const Status status = db_->start(Context());
    if (!status.ok()) ADD_FAILURE() << status.error().message();
  }

  os::TemporaryDirectory temporary_;
  os::RealFiles files_;
  local::DataDirectory directory_{files_, temporary_.path()};
  std::unique_ptr<sqlite::SysDb> db_;
};

}  // namespace viridian
