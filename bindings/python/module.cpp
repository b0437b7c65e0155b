// The native half of the Python package (python/viridian): what calls take and give is converted
// here, and nothing is decided. Collections travel as the JSON of the HTTP interface, since calls
// about them are rare; records do not.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>

#include "codec/api_json.h"
#include "python/collection.h"
#include "python/database.h"
#include "python/errors.h"
#include "python/values.h"
#include "viridian/model/columns.h"

namespace viridian::python {

/// A name of a tenant, a database or a collection, or an id, as an argument. What is none is
/// refused in a sentence, where pybind11 would list the signatures of a function that users do not
/// call.
struct Name {
  std::string text;
  // NOLINTNEXTLINE(google-explicit-constructor): an argument is used as what it stands for
  operator const std::string&() const { return text; }
};

}  // namespace viridian::python

namespace pybind11::detail {

template <>
struct type_caster<viridian::python::Name> {
  PYBIND11_TYPE_CASTER(viridian::python::Name, const_name("str"));
  bool load(handle source, bool /*convert*/) {
    value.text = viridian::python::text_of(source, "names");
    return true;
  }
};

}  // namespace pybind11::detail

namespace viridian::python {
namespace py = pybind11;
namespace {

using py::arg;
using Class = py::class_<Database, std::shared_ptr<Database>>;

void bind_opening(Class& database) {
  database.def_static("memory", &Database::memory, arg("settings") = SettingsMap())
      .def_static("open", &Database::open, arg("path"), arg("settings") = SettingsMap())
      .def_static("connect", &Database::connect, arg("url"), arg("settings") = SettingsMap())
      .def("close", &Database::close);
}

void bind_server(Class& database) {
  database
      .def("heartbeat",
           [](const Database& self) {
             return self.call(
                 [](Api& api, const Context& context) { return api.heartbeat(context); });
           })
      .def(
          "version",
          [](const Database& self) {
            return self.call([](Api& api, const Context& context) { return api.version(context); });
          })
      .def("max_batch_size",
           [](const Database& self) {
             return self
                 .call([](Api& api, const Context& context) { return api.pre_flight(context); })
                 .max_batch_size;
           })
      .def("identity",
           [](const Database& self) {
             return codec::write_identity(
                 self.call([](Api& api, const Context& context) { return api.identity(context); }));
           })
      .def("reset", [](const Database& self) {
        self.call([](Api& api, const Context& context) { return api.reset(context); });
      });
}

void bind_tenants(Class& database) {
  database
      .def("create_tenant",
           [](const Database& self, const Name& name) {
             self.call([&](Api& api, const Context& context) {
               return api.create_tenant(context, name);
             });
           })
      .def("get_tenant",
           [](const Database& self, const Name& name) {
             return codec::write_tenant(self.call(
                 [&](Api& api, const Context& context) { return api.get_tenant(context, name); }));
           })
      .def("create_database",
           [](const Database& self, const Name& tenant, const Name& name) {
             self.call([&](Api& api, const Context& context) {
               return api.create_database(context, {tenant, name});
             });
           })
      .def("get_database",
           [](const Database& self, const Name& tenant, const Name& name) {
             return codec::write_database(self.call([&](Api& api, const Context& context) {
               return api.get_database(context, {tenant, name});
             }));
           })
      .def("list_databases",
           [](const Database& self, const Name& tenant, std::optional<uint32_t> limit,
              uint32_t offset) {
             return codec::write_databases(self.call([&](Api& api, const Context& context) {
               return api.list_databases(context, tenant, {limit, offset});
             }));
           })
      .def("delete_database", [](const Database& self, const Name& tenant, const Name& name) {
        self.call([&](Api& api, const Context& context) {
          return api.delete_database(context, {tenant, name});
        });
      });
}

CollectionRef ref_of(const std::string& tenant, const std::string& database,
                     const std::string& id) {
  const std::optional<Uuid> uuid = Uuid::parse(id);
  if (!uuid) throw py::value_error(id + " is no UUID");
  return {{tenant, database}, *uuid};
}

void bind_making_collections(Class& database) {
  database
      .def("create_collection",
           [](const Database& self, const Name& tenant, const Name& name, const std::string& body) {
             const CreateCollection request = value_or_raise(codec::read_create_collection(body));
             return codec::write_collection(self.call([&](Api& api, const Context& context) {
               return api.create_collection(context, {tenant, name}, request);
             }));
           })
      .def("modify_collection",
           [](const Database& self, const Name& tenant, const Name& name, const Name& id,
              const std::string& body) {
             const ModifyCollection request = value_or_raise(codec::read_modify_collection(body));
             const CollectionRef ref = ref_of(tenant, name, id);
             self.call([&](Api& api, const Context& context) {
               return api.modify_collection(context, ref, request);
             });
           })
      .def("delete_collection",
           [](const Database& self, const Name& tenant, const Name& name, const Name& collection) {
             self.call([&](Api& api, const Context& context) {
               return api.delete_collection(context, {tenant, name}, collection);
             });
           });
}

void bind_finding_collections(Class& database) {
  database
      .def("get_collection",
           [](const Database& self, const Name& tenant, const Name& name, const Name& collection) {
             return codec::write_collection(self.call([&](Api& api, const Context& context) {
               return api.get_collection(context, {tenant, name}, collection);
             }));
           })
      .def("get_collection_by_id",
           [](const Database& self, const Name& tenant, const Name& name, const Name& id) {
             const CollectionRef ref = ref_of(tenant, name, id);
             return codec::write_collection(self.call([&](Api& api, const Context& context) {
               return api.get_collection_by_id(context, ref);
             }));
           })
      .def("list_collections",
           [](const Database& self, const Name& tenant, const Name& name,
              std::optional<uint32_t> limit, uint32_t offset) {
             return codec::write_collections(self.call([&](Api& api, const Context& context) {
               return api.list_collections(context, {tenant, name}, {limit, offset});
             }));
           })
      .def("count_collections", [](const Database& self, const Name& tenant, const Name& name) {
        return self.call([&](Api& api, const Context& context) {
          return api.count_collections(context, {tenant, name});
        });
      });
}

template <Operation operation>
void write(const Collection& self, py::handle ids, py::handle embeddings, py::handle metadatas,
           py::handle documents, py::handle uris) {
  self.write(operation, ids, embeddings, metadatas, documents, uris);
}

void bind_records(py::module_& module) {
  py::class_<Collection>(module, "Collection")
      .def(py::init<std::shared_ptr<Database>, std::string, std::string, const std::string&>())
      .def("add", &write<Operation::add>)
      .def("update", &write<Operation::update>)
      .def("upsert", &write<Operation::upsert>)
      .def("delete", &Collection::remove)
      .def("count", &Collection::count)
      .def("get", &Collection::get)
      .def("page", &Collection::page)
      .def("query", &Collection::query)
      .def("flush", &Collection::flush)
      .def("compact", &Collection::compact);
  // Results' vectors: numpy makes arrays of them that keep them alive.
  py::class_<Matrix>(module, "Matrix", py::buffer_protocol()).def_buffer([](Matrix& matrix) {
    const auto rows = static_cast<py::ssize_t>(matrix.rows());
    const auto dim = static_cast<py::ssize_t>(matrix.dim);
    const auto size = static_cast<py::ssize_t>(sizeof(float));
    return py::buffer_info(matrix.values.data(), size, py::format_descriptor<float>::format(), 2,
                           {rows, dim}, {dim * size, size});
  });
}

}  // namespace

PYBIND11_MODULE(_core, module) {
  Class database(module, "Database");
  bind_opening(database);
  bind_server(database);
  bind_tenants(database);
  bind_making_collections(database);
  bind_finding_collections(database);
  bind_records(module);
}

}  // namespace viridian::python
