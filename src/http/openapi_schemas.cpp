#include "http/openapi.h"

namespace viridian::http {

std::string_view openapi_schemas() {
  return R"json({
"Error":{"type":"object","required":["error","message"],"properties":{"error":{"type":"string"},"message":{"type":"string"}}},
"Object":{"type":"object"},
"Empty":{"type":"object"},
"Text":{"type":"string"},
"True":{"const":true},
"Count":{"type":"integer","minimum":0},
"Status":{"type":"object","required":["status"],"properties":{"status":{"type":"string"},"findings":{"type":"array","items":{"type":"string"}}}},
"Heartbeat":{"type":"object","required":["nanosecond heartbeat"],"properties":{"nanosecond heartbeat":{"type":"integer"}}},
"Health":{"type":"object","properties":{"is_executor_ready":{"type":"boolean"},"is_log_client_ready":{"type":"boolean"},"findings":{"type":"array","items":{"type":"string"}}}},
"Servers":{"type":"array","items":{"type":"object","required":["id","url","self","slots","heard_ms"],"properties":{"id":{"type":"string"},"url":{"type":"string"},"self":{"type":"boolean"},"slots":{"type":"integer","minimum":0},"heard_ms":{"type":"integer","minimum":0}}}},
"PreFlight":{"type":"object","properties":{"max_batch_size":{"type":"integer"},"supports_base64_encoding":{"type":"boolean"}}},
"Identity":{"type":"object","required":["user_id","tenant","databases"],"properties":{"user_id":{"type":"string"},"tenant":{"type":"string"},"databases":{"type":"array","items":{"type":"string"}}}},
"Name":{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}},
"ResourceName":{"type":"object","required":["resource_name"],"properties":{"resource_name":{"type":"string"}}},
"Tenant":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"resource_name":{"type":["string","null"]}}},
"Database":{"type":"object","required":["id","name","tenant"],"properties":{"id":{"type":"string","format":"uuid"},"name":{"type":"string"},"tenant":{"type":"string"}}},
"Databases":{"type":"array","items":{"$ref":"#/components/schemas/Database"}},
"Metadata":{"type":["object","null"],"additionalProperties":{"type":["string","number","boolean","array","null"]}},
"Collection":{"type":"object","required":["id","name","tenant","database","configuration_json","schema","metadata","dimension","log_position","version"],"properties":{"id":{"type":"string","format":"uuid"},"name":{"type":"string"},"tenant":{"type":"string"},"database":{"type":"string"},"configuration_json":{"type":"object"},"schema":{"type":"object"},"metadata":{"$ref":"#/components/schemas/Metadata"},"dimension":{"type":["integer","null"]},"log_position":{"type":"integer"},"version":{"type":"integer"}}},
"Collections":{"type":"array","items":{"$ref":"#/components/schemas/Collection"}},
"CreateCollection":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"metadata":{"$ref":"#/components/schemas/Metadata"},"configuration":{"type":["object","null"]},"schema":{"type":["object","null"]},"get_or_create":{"type":"boolean","default":false}}},
"ModifyCollection":{"type":"object","properties":{"new_name":{"type":["string","null"]},"new_metadata":{"$ref":"#/components/schemas/Metadata"},"new_configuration":{"type":["object","null"]}}},
"Embeddings":{"type":["array","null"],"items":{"oneOf":[{"type":"array","items":{"type":"number"}},{"type":"string","contentEncoding":"base64"},{"type":"null"}]}},
"Texts":{"type":["array","null"],"items":{"type":["string","null"]}},
"Ids":{"type":["array","null"],"items":{"type":"string"}},
"Records":{"type":"object","required":["ids","embeddings"],"properties":{"ids":{"type":"array","items":{"type":"string"}},"embeddings":{"$ref":"#/components/schemas/Embeddings"},"documents":{"$ref":"#/components/schemas/Texts"},"uris":{"$ref":"#/components/schemas/Texts"},"metadatas":{"type":["array","null"],"items":{"$ref":"#/components/schemas/Metadata"}}}},
"RecordChanges":{"type":"object","required":["ids"],"properties":{"ids":{"type":"array","items":{"type":"string"}},"embeddings":{"$ref":"#/components/schemas/Embeddings"},"documents":{"$ref":"#/components/schemas/Texts"},"uris":{"$ref":"#/components/schemas/Texts"},"metadatas":{"type":["array","null"],"items":{"$ref":"#/components/schemas/Metadata"}}}},
"Include":{"type":"array","items":{"enum":["documents","metadatas","embeddings","uris","distances"]}},
"DeleteRequest":{"type":"object","properties":{"ids":{"$ref":"#/components/schemas/Ids"},"where":{"type":["object","null"]},"where_document":{"type":["object","null"]},"limit":{"type":["integer","null"],"minimum":0}}},
"DeleteResult":{"type":"object","required":["deleted"],"properties":{"deleted":{"type":"integer","minimum":0}}},
"Snapshot":{"type":"object","required":["name","created_at","collections","records","bytes","new_bytes"],"properties":{"name":{"type":"string"},"created_at":{"type":"integer"},"collections":{"type":"integer","minimum":0},"records":{"type":"integer","minimum":0},"bytes":{"type":"integer","minimum":0},"new_bytes":{"type":"integer","minimum":0}}},
"Snapshots":{"type":"array","items":{"$ref":"#/components/schemas/Snapshot"}},
"RestoreRequest":{"type":"object","additionalProperties":false,"properties":{"tenant":{"type":["string","null"]},"database":{"type":["string","null"]},"collection":{"type":["string","null"]},"to_tenant":{"type":["string","null"]},"to_database":{"type":["string","null"]},"new_name":{"type":["string","null"]}}},
"SortKey":{"oneOf":[{"type":"string"},{"type":"object","additionalProperties":false,"required":["key"],"properties":{"key":{"type":"string"},"direction":{"enum":["asc","desc"],"default":"asc"}}}]},
"OrderBy":{"oneOf":[{"type":["string","null"]},{"type":"array","minItems":1,"maxItems":8,"items":{"$ref":"#/components/schemas/SortKey"}}]},
"GetRequest":{"type":"object","properties":{"ids":{"$ref":"#/components/schemas/Ids"},"where":{"type":["object","null"]},"where_document":{"type":["object","null"]},"limit":{"type":["integer","null"],"minimum":0},"offset":{"type":["integer","null"],"minimum":0},"include":{"$ref":"#/components/schemas/Include"},"order_by":{"$ref":"#/components/schemas/OrderBy"},"cursor":{"type":["string","null"]}}},
"CountRequest":{"type":"object","additionalProperties":false,"properties":{"ids":{"$ref":"#/components/schemas/Ids"},"where":{"type":["object","null"]},"where_document":{"type":["object","null"]}}},
"Keys":{"type":"array","minItems":1,"maxItems":64,"uniqueItems":true,"items":{"type":"string"}},
"FacetsRequest":{"type":"object","additionalProperties":false,"required":["keys"],"properties":{"keys":{"$ref":"#/components/schemas/Keys"},"limit":{"type":["integer","null"],"minimum":0,"maximum":10000,"default":10},"ids":{"$ref":"#/components/schemas/Ids"},"where":{"type":["object","null"]},"where_document":{"type":["object","null"]}}},
"Scalar":{"type":["string","number","boolean","null"]},
"Facets":{"type":"object","required":["facets"],"properties":{"facets":{"type":"object","additionalProperties":{"type":"object","required":["values","distinct","records","others"],"properties":{"values":{"type":"array","items":{"type":"object","required":["value","count"],"properties":{"value":{"$ref":"#/components/schemas/Scalar"},"count":{"type":"integer","minimum":1}}}},"distinct":{"type":"integer","minimum":0},"records":{"type":"integer","minimum":0},"others":{"type":"integer","minimum":0}}}}}},
"ExtentsRequest":{"type":"object","additionalProperties":false,"required":["keys"],"properties":{"keys":{"$ref":"#/components/schemas/Keys"},"ids":{"$ref":"#/components/schemas/Ids"},"where":{"type":["object","null"]},"where_document":{"type":["object","null"]}}},
"Extents":{"type":"object","required":["extents"],"properties":{"extents":{"type":"object","additionalProperties":{"type":"object","required":["min","max","records"],"properties":{"min":{"$ref":"#/components/schemas/Scalar"},"max":{"$ref":"#/components/schemas/Scalar"},"records":{"type":"integer","minimum":0}}}}}},
"GetResult":{"type":"object","required":["ids","embeddings","documents","uris","metadatas","include"],"properties":{"ids":{"type":"array","items":{"type":"string"}},"embeddings":{"type":["array","null"]},"documents":{"$ref":"#/components/schemas/Texts"},"uris":{"$ref":"#/components/schemas/Texts"},"metadatas":{"type":["array","null"]},"include":{"$ref":"#/components/schemas/Include"},"next_cursor":{"type":["string","null"]}}},
"QueryRequest":{"type":"object","required":["query_embeddings"],"properties":{"query_embeddings":{"type":"array","items":{"type":"array","items":{"type":"number"}}},"n_results":{"type":["integer","null"],"minimum":0,"default":10},"recall_target":{"type":["number","null"],"exclusiveMinimum":0,"maximum":1},"ids":{"$ref":"#/components/schemas/Ids"},"where":{"type":["object","null"]},"where_document":{"type":["object","null"]},"include":{"$ref":"#/components/schemas/Include"}}},
"ExplainRequest":{"type":"object","additionalProperties":false,"properties":{"query_embedding":{"type":"array","items":{"type":"number"}},"id":{"type":["string","null"]},"n_results":{"type":["integer","null"],"minimum":1,"default":10},"recall_target":{"type":["number","null"],"exclusiveMinimum":0,"maximum":1},"ids":{"$ref":"#/components/schemas/Ids"},"where":{"type":["object","null"]},"where_document":{"type":["object","null"]},"limit":{"type":["integer","null"],"minimum":0},"offset":{"type":["integer","null"],"minimum":0},"include":{"$ref":"#/components/schemas/Include"},"order_by":{"$ref":"#/components/schemas/OrderBy"},"cursor":{"type":["string","null"]}}},
"PlanStep":{"type":"object","required":["name","microseconds"],"properties":{"name":{"type":"string"},"on":{"type":"string"},"how":{"type":"string"},"among":{"type":"integer","minimum":0},"estimated":{"type":"integer","minimum":0},"actual":{"type":"integer","minimum":0},"looked_at":{"type":"integer","minimum":0},"share":{"type":"number","minimum":0,"maximum":1},"breadth":{"type":"integer","minimum":0},"cost":{"type":"number","minimum":0},"microseconds":{"type":"integer","minimum":0},"steps":{"type":"array","items":{"$ref":"#/components/schemas/PlanStep"}}}},
"Explanation":{"type":"object","required":["outcome","rank","distance","results","last_distance","searched","plan"],"properties":{"outcome":{"enum":["returned","no_such_record","filtered_out","outranked","not_reached",null]},"rank":{"type":["integer","null"],"minimum":1},"distance":{"type":["number","null"]},"results":{"type":"integer","minimum":0},"last_distance":{"type":["number","null"]},"searched":{"type":["object","null"],"required":["how","breadth"],"properties":{"how":{"enum":["read","walked","scanned"]},"breadth":{"type":"integer","minimum":0}}},"plan":{"type":"array","items":{"$ref":"#/components/schemas/PlanStep"}}}},
"QueryResult":{"type":"object","required":["ids","embeddings","documents","uris","metadatas","distances","include"],"properties":{"ids":{"type":"array","items":{"type":"array","items":{"type":"string"}}},"embeddings":{"type":["array","null"]},"documents":{"type":["array","null"]},"uris":{"type":["array","null"]},"metadatas":{"type":["array","null"]},"distances":{"type":["array","null"]},"include":{"$ref":"#/components/schemas/Include"}}}
})json";
}

}  // namespace viridian::http
