# Writes OUTPUT, a .cpp that holds every file of SOURCE/DIRECTORY/*.sql as embedded_migrations() of
# NAMESPACE, which HEADER declares with the type Migration (component/migration_history.h).
# cmake -DSOURCE=migrations -DDIRECTORY=... -DHEADER=... -DNAMESPACE=... -DOUTPUT=... -P this
file(GLOB files RELATIVE ${SOURCE} ${SOURCE}/${DIRECTORY}/*.sql)
list(SORT files)
set(entries "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  if(NOT name MATCHES "^[0-9][0-9][0-9][0-9][0-9]-[a-z0-9-]+\\.[a-z]+\\.sql$")
    message(FATAL_ERROR "migrations/${file}: the name is not of the form NNNNN-name.KIND.sql")
  endif()
  file(READ ${SOURCE}/${file} text)
  string(FIND "${text}" ")sql\"" delimiter)
  if(NOT delimiter EQUAL -1)
    message(FATAL_ERROR "migrations/${file}: the text must not hold )sql\"")
  endif()
  string(APPEND entries "    {\"${DIRECTORY}\", \"${name}\", R\"sql(${text})sql\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by embed_migrations.cmake.
#include \"${HEADER}\"

namespace ${NAMESPACE} {
namespace {

constexpr Migration kMigrations[] = {
${entries}};

}  // namespace

std::span<const Migration> embedded_migrations() { return kMigrations; }

}  // namespace ${NAMESPACE}
")
