#pragma once
#include "conformance/api_fixture.h"

/// System calls, tenants and databases.
namespace viridian::conformance {

TEST_P(ApiConformance, HeartbeatIsNanosecondsSince1970) {
  const int64_t now = must(api().heartbeat(context_));
  EXPECT_EQ(std::to_string(now).size(), 19U);
}

TEST_P(ApiConformance, SaysWhatItIs) {
  EXPECT_FALSE(must(api().version(context_)).empty());
  EXPECT_EQ(must(api().pre_flight(context_)).max_batch_size, 5461U);
  EXPECT_TRUE(must(api().pre_flight(context_)).supports_base64_encoding);
  const Identity identity = must(api().identity(context_));
  EXPECT_EQ(identity.user_id, "");
  EXPECT_EQ(identity.tenant, "default_tenant");
  EXPECT_EQ(identity.databases, Ids{"default_database"});
}

TEST_P(ApiConformance, ResetIsRefusedUnlessAllowedAndThenRemovesEverything) {
  const CollectionRef docs = make();
  add(docs, {{.id = "a", .vector = {1, 2}}});
  EXPECT_OK(api().create_tenant(context_, "someone"));
  EXPECT_OK(api().create_database(context_, {"default_tenant", "extra"}));
  if (!GetParam().reset_allowed) {
    EXPECT_FAILS(Code::permission_denied, "Reset is disabled by config", api().reset(context_));
    EXPECT_EQ(count(docs), 1U);
    return;
  }
  EXPECT_OK(api().reset(context_));
  EXPECT_FAILS(Code::not_found, "Tenant [someone] not found",
               api().get_tenant(context_, "someone"));
  EXPECT_FAILS(Code::not_found, "Database [extra] not found",
               api().get_database(context_, {"default_tenant", "extra"}));
  EXPECT_EQ(must(api().count_collections(context_, {})), 0U);
  EXPECT_FAILS(Code::not_found, "does not exist.",
               api().count(context_, docs, ReadLevel::index_and_wal));
  const CollectionRef again = make();
  EXPECT_EQ(count(again), 0U);
  add(again, {{.id = "a", .vector = {1, 2, 3}}});
  EXPECT_EQ(ids(again), Ids{"a"});
}

TEST_P(ApiConformance, TenantsAreCreatedOnceAndFound) {
  for (const std::string name : {"abc", "with space", "a/b", "caf\xc3\xa9"}) {
    EXPECT_OK(api().create_tenant(context_, name));
    const Tenant tenant = must(api().get_tenant(context_, name));
    EXPECT_EQ(tenant.name, name);
    EXPECT_EQ(tenant.resource_name, std::nullopt);
    EXPECT_FAILS(Code::already_exists, "Tenant [" + name + "] already exists",
                 api().create_tenant(context_, name));
  }
  EXPECT_FAILS(Code::invalid_argument, "Validation error: name",
               api().create_tenant(context_, "ab"));
  EXPECT_FAILS(Code::not_found, "Tenant [nobody] not found", api().get_tenant(context_, "nobody"));
}

TEST_P(ApiConformance, DefaultTenantAndDatabaseExist) {
  EXPECT_EQ(must(api().get_tenant(context_, "default_tenant")).name, "default_tenant");
  const Database database = must(api().get_database(context_, DatabasePath()));
  EXPECT_EQ(database.id.to_string(), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(database.name, "default_database");
  EXPECT_EQ(database.tenant, "default_tenant");
}

// Chroma accepts the call, forgets the value, and does so for missing tenants too (quirk 9).
TEST_P(ApiConformance, TenantResourceNameIsStored) {
  EXPECT_OK(api().update_tenant(context_, "default_tenant", "resource"));
  EXPECT_EQ(must(api().get_tenant(context_, "default_tenant")).resource_name, "resource");
  EXPECT_FAILS(Code::not_found, "Tenant [nobody] not found",
               api().update_tenant(context_, "nobody", "resource"));
}

TEST_P(ApiConformance, DatabasesAreCreatedOnceAndFoundWithinTheirTenant) {
  EXPECT_OK(api().create_tenant(context_, "other"));
  EXPECT_OK(api().create_database(context_, {"default_tenant", "mine"}));
  EXPECT_FAILS(Code::already_exists, "Database [mine] already exists",
               api().create_database(context_, {"default_tenant", "mine"}));
  EXPECT_FAILS(Code::not_found, "Database [mine] not found. Are you sure it exists?",
               api().get_database(context_, {"other", "mine"}));
  EXPECT_OK(api().create_database(context_, {"other", "mine"}));
  EXPECT_NE(must(api().get_database(context_, {"other", "mine"})).id,
            must(api().get_database(context_, {"default_tenant", "mine"})).id);
}

TEST_P(ApiConformance, DatabaseNamesFollowTheRule) {
  const std::string rule = "Expected a name containing 3-512 characters from [a-zA-Z0-9._-]";
  for (const std::string& name :
       {std::string("ab"), std::string("-abc"), std::string("abc_"), std::string("a b c"),
        std::string("abc\xc3\xa9"), std::string(513, 'a'), std::string("aaa+bb")}) {
    EXPECT_FAILS(Code::invalid_argument, rule,
                 api().create_database(context_, {"default_tenant", name}));
  }
  for (const std::string name : {"abc..d", "1.2.3.4", "a+b+c"}) {
    EXPECT_FAILS(Code::invalid_argument, "Expected a name",
                 api().create_database(context_, {"default_tenant", name}));
  }
  EXPECT_OK(api().create_database(context_, {"default_tenant", "aaa+bbb"}));
  EXPECT_OK(api().create_database(context_, {"default_tenant", std::string(512, 'a')}));
}

TEST_P(ApiConformance, DatabasesAreListedByNameInPages) {
  for (const std::string name : {"zzz", "aaa", "mmm"}) {
    EXPECT_OK(api().create_database(context_, {"default_tenant", name}));
  }
  const auto list = [&](const std::string& tenant, const Page& page) {
    Ids names;
    for (const Database& d : must(api().list_databases(context_, tenant, page)))
      names.push_back(d.name);
    return names;
  };
  EXPECT_EQ(list("default_tenant", {}), (Ids{"aaa", "default_database", "mmm", "zzz"}));
  EXPECT_EQ(list("default_tenant", {1, 1}), Ids{"default_database"});
  EXPECT_EQ(list("default_tenant", {0, 0}), Ids{});
  EXPECT_EQ(list("default_tenant", {{}, 100}), Ids{});
  EXPECT_EQ(list("nobody", {}), Ids{});
}

// Chroma makes databases that no tenant owns (quirk 10).
TEST_P(ApiConformance, DatabaseOfMissingTenantIsRefused) {
  EXPECT_FAILS(Code::not_found, "Tenant [nobody] not found",
               api().create_database(context_, {"nobody", "mine"}));
}

TEST_P(ApiConformance, DeletedDatabaseTakesItsCollectionsAlong) {
  const DatabasePath path{"default_tenant", "mine"};
  EXPECT_OK(api().create_database(context_, path));
  CreateCollection request;
  request.name = "docs";
  const CollectionRef docs{path, must(api().create_collection(context_, path, request)).id};
  const CollectionRef other = make("docs");
  add(docs, {{.id = "a", .vector = {1, 2}}});
  add(other, {{.id = "b", .vector = {1, 2}}});
  EXPECT_OK(api().delete_database(context_, path));
  EXPECT_FAILS(Code::not_found, "Database [mine] not found", api().delete_database(context_, path));
  EXPECT_FAILS(Code::not_found, "does not exist.", api().get(context_, docs, {}));
  EXPECT_FAILS(Code::not_found, "does not exist.",
               write(docs, Operation::add, {{.id = "b", .vector = {1, 2}}}));
  EXPECT_EQ(must(api().count_collections(context_, path)), 0U);
  EXPECT_EQ(ids(other), Ids{"b"});
  EXPECT_OK(api().create_database(context_, path));
  const CollectionRef again{path, must(api().create_collection(context_, path, request)).id};
  EXPECT_EQ(count(again), 0U);
}

// Without it no client of the default kind could start any more (quirk 33).
TEST_P(ApiConformance, DefaultDatabaseIsUsableAfterItsDeletion) {
  const CollectionRef docs = make();
  (void)api().delete_database(context_, DatabasePath());  // refused or emptied: both will do
  EXPECT_OK(api().get_database(context_, DatabasePath()));
  CreateCollection request;
  request.name = "docs";
  request.get_or_create = true;
  EXPECT_OK(api().create_collection(context_, DatabasePath(), request));
}

TEST_P(ApiConformance, DatabaseNamesThatAreReadHaveThreeCharacters) {
  EXPECT_FAILS(Code::invalid_argument, "database name must be at least 3 characters",
               api().get_database(context_, {"default_tenant", "ab"}));
  // To delete what cannot exist is to look for it in vain.
  EXPECT_FAILS(Code::not_found, "Database [ab] not found",
               api().delete_database(context_, {"default_tenant", "ab"}));
}

}  // namespace viridian::conformance
