#pragma once
#include <mutex>
#include <utility>
#include <vector>

#include "sql/database.h"
#include "sysdb/sqlite_rows.h"
#include "sysdb/sqlite_sysdb.h"

namespace viridian::sqlite {

class SysDb::Session {
 public:
  Session(std::unique_lock<std::mutex> lock, sql::Database& database)
      : lock_(std::move(lock)), database_(&database) {}
  sql::Database& operator*() const { return *database_; }
  sql::Database* operator->() const { return database_; }

 private:
  std::unique_lock<std::mutex> lock_;
  sql::Database* database_;
};

/// Undone unless committed.
class SysDb::Change {
 public:
  Change(SysDb& owner, Session session, sql::Transaction transaction, rows::Changes before)
      : owner_(&owner),
        session_(std::move(session)),
        transaction_(std::move(transaction)),
        number_{before.latest + 1, before.of_databases} {}
  sql::Database& operator*() const { return *session_; }
  sql::Database* operator->() const { return session_.operator->(); }

  void collection_changed(const CollectionId& id) { collections_.push_back(id); }
  /// Also to be called where a collection goes: its copy goes with it, and cannot tell.
  void databases_changed() { number_.of_databases = number_.latest; }
  /// What was there before must not be found in any file afterwards.
  void purges() { purges_ = true; }
  /// Durable on return, with the copies in the catalogue.
  Status commit();

 private:
  SysDb* owner_;
  Session session_;
  sql::Transaction transaction_;
  rows::Changes number_;
  std::vector<CollectionId> collections_;
  bool purges_ = false;
};

}  // namespace viridian::sqlite
