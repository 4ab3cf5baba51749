"""Milvus as index: `uri` of a server ("http://host:19530"), or a file for Milvus Lite inside this process.

Milvus Lite (3.2) has no binary vectors, and the same schema shall serve both, so bits are stored as -1 and 1 in 256
floats: their inner product is 256 - 2 * Hamming distance. One row more, whose vector is zero and therefore near to
nothing, says up to which record the collection is filled. Rows have fixed ids and are upserted, so that a crash between
vectors and progress only repeats work. Milvus Lite lets one process in at a time.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient
from pymilvus.exceptions import MilvusException

from service.errors import StartupError
from service.indexes import VECTOR_BYTES, Hit, Progress, Space, Vectors
from service.stores.errors import RegistryUnavailable

_BITS = 8 * VECTOR_BYTES
_PROGRESS = "progress"
_ROWS_AT_ONCE = 1000
_METRIC = "IP"


def create(
    folder: str | os.PathLike[str],
    space: Space,
    *,
    uri: str = "",
    token: str = "",
    collection: str = "countermark",
    timeout_s: float = 10.0,
) -> "MilvusIndex":
    """Connect to `uri`, or open a Milvus Lite file in `folder`; the collection is made if needed.

    Raises:
        StartupError: Milvus does not answer, or another process has the file open.

    """
    if not uri:
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        client = MilvusClient(uri=uri or str(Path(folder) / "vectors.db"), token=token, timeout=timeout_s)
        return MilvusIndex(
            client, f"{collection}_{space}", "FLAT" if space == "hashes" else "AUTOINDEX", timeout_s
        )
    except (MilvusException, OSError) as error:
        raise StartupError(
            f"Milvus at {uri or folder}: got {error}, expected it to answer, start it or stop the other process "
            "that has the file open"
        ) from error


class MilvusIndex:
    """Implements service.indexes.VectorIndex."""

    def __init__(self, client: MilvusClient, collection: str, kind: str, timeout_s: float) -> None:
        self._client, self._collection, self._kind, self._timeout_s = client, collection, kind, timeout_s
        self._closed = False
        if not client.has_collection(collection, timeout=timeout_s):
            self._make()
        client.load_collection(collection, timeout=timeout_s)
        rows = client.get(collection, ids=[_PROGRESS], output_fields=["record"], timeout=timeout_s)
        position, _, record_id = (str(rows[0]["record"]) if rows else "0:").partition(":")
        self._progress = Progress(int(position), record_id)

    @property
    def progress(self) -> Progress:
        """Up to which record the collection is filled."""
        return self._progress

    def add(self, rows: Sequence[tuple[str, Vectors]], progress: Progress) -> None:
        """Upsert the vectors, then the progress."""
        data = [
            {"id": f"{record_id}-{number}", "record": record_id, "vector": vector}
            for record_id, vectors in rows
            for number, vector in enumerate(_floats(vectors))
        ]
        reached = f"{progress.position}:{progress.record_id}"
        last = {"id": _PROGRESS, "record": reached, "vector": np.zeros(_BITS, np.float32)}
        with _Answering():
            for start in range(0, len(data), _ROWS_AT_ONCE):
                self._client.upsert(
                    self._collection, data[start : start + _ROWS_AT_ONCE], timeout=self._timeout_s
                )
            self._client.upsert(self._collection, [last], timeout=self._timeout_s)
        self._progress = progress

    def search(self, vectors: Vectors, most: int) -> list[list[Hit]]:
        """Return the nearest of each vector."""
        if not len(vectors):
            return []
        with _Answering():
            found: list[list[dict[str, Any]]] = self._client.search(
                self._collection,
                list(_floats(vectors)),
                anns_field="vector",
                limit=most,
                search_params={"metric_type": _METRIC},
                output_fields=["record"],
                consistency_level="Strong",  # what was just registered is found
                timeout=self._timeout_s,
            )
        return [
            [
                Hit(str(one["entity"]["record"]), round((_BITS - float(one["distance"])) / 2))
                for one in row
                if one["id"] != _PROGRESS
            ]
            for row in found
        ]

    def clear(self) -> None:
        """Drop the collection and make it anew."""
        with _Answering():
            self._client.drop_collection(self._collection, timeout=self._timeout_s)
            self._make()
            self._client.load_collection(self._collection, timeout=self._timeout_s)
        self._progress = Progress()

    def save(self) -> None:
        """Milvus has written down what it acknowledged."""

    def close(self) -> None:
        """Disconnect."""
        if not self._closed:
            self._client.close()
            self._closed = True

    def _make(self) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.VARCHAR, max_length=32, is_primary=True)
        schema.add_field("record", DataType.VARCHAR, max_length=64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=_BITS)
        indexes = MilvusClient.prepare_index_params()
        indexes.add_index("vector", index_type=self._kind, metric_type=_METRIC)
        self._client.create_collection(
            self._collection, schema=schema, index_params=indexes, timeout=self._timeout_s
        )


class _Answering:
    """What Milvus cannot do becomes RegistryUnavailable: 503, try again."""

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Translate."""
        if isinstance(error, MilvusException):
            raise RegistryUnavailable(
                f"Milvus: got {error}, expected it to answer, see that it runs and try again"
            ) from error


def _floats(vectors: Vectors) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return (n, 256) of -1 and 1."""
    return np.unpackbits(vectors, axis=1).astype(np.float32) * 2 - 1
