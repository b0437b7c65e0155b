"""Collections: what the records of one can be asked for and changed by."""
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Union

from . import _core, configuration as configurations, embedding
from .types import (
    CollectionMetadata, DeleteResult, Document, GetResult, ID, Include, Metadata, QueryResult, URI,
    Where, WhereDocument)

if TYPE_CHECKING:
    from uuid import UUID

    from .schema import Schema
    from .session import Session

_RECORD: Include = ["metadatas", "documents"]
_HIT: Include = ["metadatas", "documents", "distances"]


class Collection:
    """Records with an id, a vector, a document, a uri and metadata.

    Clients make collections and find them; see `Client.create_collection`. Safe from many threads.

        >>> import viridian
        >>> client = viridian.EphemeralClient()
        >>> books = client.create_collection("collection-example", embedding_function=None)
        >>> books.add(ids=["moby", "emma"], embeddings=[[0.1, 0.9], [0.9, 0.2]],
        ...           documents=["Call me Ishmael.", "Emma Woodhouse, handsome, clever, and rich"],
        ...           metadatas=[{"year": 1851}, {"year": 1815}])
        >>> books.query(query_embeddings=[0.0, 1.0], n_results=1, where={"year": {"$gt": 1850}})["ids"]
        [['moby']]
        >>> books.count()
        2
    """

    def __init__(self, session: "Session", model: Dict[str, Any],
                 embedding_function: Optional[Any] = embedding.DEFAULT,
                 data_loader: Optional[Callable[[List[str]], Any]] = None) -> None:
        self._session = session
        self._model = model
        self._embedding_function = embedding_function
        self._data_loader = data_loader
        self._records = _core.Collection(session.database, model["tenant"], model["database"],
                                         model["id"])

    @property
    def id(self) -> "UUID":
        """The collection's UUID."""
        from uuid import UUID
        return UUID(self._model["id"])

    @property
    def name(self) -> str:
        return self._model["name"]

    @property
    def tenant(self) -> str:
        return self._model["tenant"]

    @property
    def database(self) -> str:
        return self._model["database"]

    @property
    def metadata(self) -> Optional[CollectionMetadata]:
        """The collection's own metadata."""
        return self._model["metadata"]

    @property
    def configuration_json(self) -> Dict[str, Any]:
        """The configuration as it is stored."""
        return self._model["configuration_json"]

    @property
    def configuration(self) -> Dict[str, Any]:
        """The configuration, with its embedding function built; ValueError where that is unknown."""
        return configurations.loaded(self.configuration_json)

    @property
    def schema(self) -> "Schema":
        """Which indexes its keys have."""
        from .schema import Schema
        return Schema.deserialize_from_json(self._model["schema"] or {})

    def __eq__(self, other: object) -> bool:
        return (isinstance(other, Collection) and self._model == other._model
                and self._embedding_function == other._embedding_function)

    def __repr__(self) -> str:
        return f"Collection(name={self.name})"

    def count(self, read_level: str = "index_and_wal") -> int:
        """How many records there are.

        `read_level`: "index_only" counts those that are in files, and may lack the newest.
        """
        return self._records.count(read_level)

    def add(self, ids: Union[ID, List[ID]], embeddings: Optional[Any] = None,
            metadatas: Optional[Union[Metadata, List[Optional[Metadata]]]] = None,
            documents: Optional[Union[Document, List[Document]]] = None,
            images: Optional[Any] = None,
            uris: Optional[Union[URI, List[URI]]] = None) -> None:
        """Adds records; those whose id exists stay as they are. Durable on return: all or none.

        `embeddings`: one vector or several, as lists or arrays; without them the documents (or
        images, or what the data loader makes of the uris) are embedded. One record's parts may be
        given without a list around them.

        Raises ValueError for what is not allowed, DuplicateIDError for an id that comes twice,
        NotFoundError where the collection is gone.
        """
        if embeddings is None:
            embeddings = self._embedded(documents, images, uris)
        self._records.add(ids, embeddings, metadatas, documents, uris)

    def upsert(self, ids: Union[ID, List[ID]], embeddings: Optional[Any] = None,
               metadatas: Optional[Union[Metadata, List[Optional[Metadata]]]] = None,
               documents: Optional[Union[Document, List[Document]]] = None,
               images: Optional[Any] = None,
               uris: Optional[Union[URI, List[URI]]] = None) -> None:
        """Updates the records whose ids exist, adds the others. As `add` otherwise."""
        if embeddings is None:
            embeddings = self._embedded(documents, images, None)
        self._records.upsert(ids, embeddings, metadatas, documents, uris)

    def update(self, ids: Union[ID, List[ID]], embeddings: Optional[Any] = None,
               metadatas: Optional[Union[Metadata, List[Optional[Metadata]]]] = None,
               documents: Optional[Union[Document, List[Document]]] = None,
               images: Optional[Any] = None,
               uris: Optional[Union[URI, List[URI]]] = None) -> None:
        """Changes records: what is not given stays, a metadata value of None removes its key.

        Ids that do not exist are passed over. New documents are embedded where no embeddings are
        given.
        """
        if embeddings is None and (documents is not None or images is not None):
            embeddings = self._embedded(documents, images, None)
        self._records.update(ids, embeddings, metadatas, documents, uris)

    def get(self, ids: Optional[Union[ID, List[ID]]] = None, where: Optional[Where] = None,
            limit: Optional[int] = None, offset: Optional[int] = None,
            where_document: Optional[WhereDocument] = None,
            include: Include = _RECORD) -> GetResult:
        """The records that match all that is given, in the order of their insertion.

        `include`: any of "documents", "metadatas", "embeddings", "uris", "data". Embeddings come as
        one array of float32, a row each.
        """
        result = self._records.get(ids, where, limit, offset, where_document,
                                   self._engine_include(include))
        return self._with_data(result, include)

    def peek(self, limit: int = 10) -> GetResult:
        """The first records, with their embeddings."""
        return self._records.get(None, None, limit, None, None, [*_RECORD, "embeddings"])

    def query(self, query_embeddings: Optional[Any] = None,
              query_texts: Optional[Union[Document, List[Document]]] = None,
              query_images: Optional[Any] = None,
              query_uris: Optional[Union[URI, List[URI]]] = None,
              ids: Optional[Union[ID, List[ID]]] = None, n_results: int = 10,
              where: Optional[Where] = None, where_document: Optional[WhereDocument] = None,
              include: Include = _HIT) -> QueryResult:
        """The records nearest to each vector, nearest first, among those that match the filters.

        Texts, images or uris are embedded where no vectors are given.

        Raises InvalidArgumentError, a ValueError, where a vector is not of the collection's length.
        """
        if not hasattr(n_results, "__index__"):
            raise ValueError(f"n_results is {n_results!r}, but has to be an integer")
        if n_results <= 0:
            raise TypeError(f"n_results is {n_results}, but has to be positive")
        if query_embeddings is None:
            query_embeddings = self._embedded(query_texts, query_images, query_uris, query=True)
        result = self._records.query(query_embeddings, ids, n_results, where, where_document,
                                     self._engine_include(include))
        return self._with_data(result, include)

    def delete(self, ids: Optional[Union[ID, List[ID]]] = None, where: Optional[Where] = None,
               where_document: Optional[WhereDocument] = None,
               limit: Optional[int] = None) -> DeleteResult:
        """Deletes the records that match all that is given, which must be something.

        `limit`: at most so many, of those that a filter finds.
        """
        if ids is None and where is None and where_document is None:
            raise ValueError("delete needs ids, where or where_document: to delete every record, "
                             "delete the collection")
        if limit is not None and where is None and where_document is None:
            raise ValueError("delete takes a limit only with where or where_document")
        if isinstance(limit, int) and limit < 0:
            raise ValueError(f"limit is {limit}, but cannot be negative")
        return {"deleted": self._records.delete(ids, where, where_document, limit)}

    def modify(self, name: Optional[str] = None, metadata: Optional[CollectionMetadata] = None,
               configuration: Optional[Dict[str, Any]] = None) -> None:
        """Changes the collection itself. `metadata` replaces what there was."""
        if metadata is not None and "hnsw:space" in metadata:
            raise ValueError("the distance of a collection is chosen when it is made")
        change: Dict[str, Any] = {}
        if name is not None:
            change["new_name"] = name
        if metadata is not None:
            change["new_metadata"] = metadata
        if configuration is not None:
            change["new_configuration"] = configurations.for_modify(configuration)
        place = (self.tenant, self.database, self._model["id"])
        self._session.database.modify_collection(*place, configurations.body(change))
        self._model = json.loads(self._session.database.get_collection_by_id(*place))

    def flush(self) -> None:
        """Brings what was written from the log into files. Nothing needs it: writes are safe."""
        self._records.flush()

    def compact(self) -> None:
        """As `flush`, and returns when nothing deleted or replaced is left in any file."""
        self._records.compact()

    def fork(self, new_name: str) -> "Collection":
        """Not offered, as in Chroma's embedded form: NotImplementedError."""
        raise NotImplementedError("collections cannot be forked")

    def fork_count(self) -> int:
        """Not offered, as in Chroma's embedded form: NotImplementedError."""
        raise NotImplementedError("collections cannot be forked")

    def search(self, *arguments: Any, **options: Any) -> Any:
        """Not offered, as in Chroma's embedded form: NotImplementedError."""
        raise NotImplementedError("there is no search(): query() finds the nearest records")

    def get_indexing_status(self) -> Any:
        """Not offered, as in Chroma's embedded form: NotImplementedError."""
        raise NotImplementedError("every record can be found as soon as it is written")

    def _embedded(self, documents: Any, images: Any, uris: Any, query: bool = False) -> Any:
        """The vectors of whichever is given."""
        given = [source for source in (documents, images, uris) if source is not None]
        if len(given) != 1:
            raise ValueError("give either embeddings, or one of documents, images and uris to embed")
        source = given[0] if isinstance(given[0], (list, tuple)) else [given[0]]
        if uris is not None:
            source = self._load(source)
        function = self._function()
        if query and hasattr(function, "embed_query"):
            return function.embed_query(input=source)
        return function(input=source)

    def _function(self) -> Any:
        """What embeds: the function given with the collection, else the one stored with it."""
        function = self._embedding_function
        if function is None or function is embedding.DEFAULT:
            stored = embedding.from_json(self.configuration_json.get("embedding_function"))
            if stored is None:
                stored = self.schema.embedding_function()
            function = stored if stored is not None else function
        if function is None:
            raise ValueError("this collection has no embedding function: give embeddings, or get "
                             "the collection with an embedding_function")
        return function

    def _load(self, uris: Any) -> Any:
        if self._data_loader is None:
            raise ValueError("this collection has no data loader to load uris with")
        return self._data_loader(uris)

    def _engine_include(self, include: Include) -> Sequence[str]:
        """What the engine is asked for: data are loaded here, from uris."""
        if not isinstance(include, list) or "data" not in include:
            return include  # the engine says what is wrong
        if self._data_loader is None:
            raise ValueError("this collection has no data loader to include data with")
        names: List[str] = [name for name in include if name != "data"]
        return names if "uris" in names else [*names, "uris"]

    def _with_data(self, result: Any, include: Include) -> Any:
        """The result as it was asked for."""
        if "data" not in include:
            return result
        uris = result["uris"]
        nested = bool(uris) and isinstance(uris[0], list)
        result["data"] = [self._load(part) for part in uris] if nested else self._load(uris)
        result["included"] = list(include) if "uris" in include else [*include, "uris"]
        return result
