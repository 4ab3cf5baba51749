"""Write a tiny encoder in the file format that `encoder_base` reads."""

import struct
from pathlib import Path

import numpy as np

WIDTH, INNER, HEADS, LAYERS, POSITIONS = 32, 64, 2, 2, 64
LETTERS = [f"{start}{char}" for char in "abcdefghijklmnopqrstuvwxyz" for start in ("", "▁")]
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS, "▁cat", "▁naked", "▁Dog", "猫"]


def tensors(rng: np.random.Generator) -> dict[str, np.ndarray]:
    shapes = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH)}
    shapes |= {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}
    found = {
        "emb.word": rng.normal(size=(len(PIECES), WIDTH)),
        "emb.pos": rng.normal(size=(POSITIONS, WIDTH)),
    }
    found |= {
        "emb.type": rng.normal(size=(1, WIDTH)),
        "emb.ln.w": np.ones(WIDTH),
        "emb.ln.b": np.zeros(WIDTH),
    }
    for layer in range(LAYERS):
        for name, shape in shapes.items():
            found[f"l{layer}.{name}.w"] = rng.normal(size=shape) * 0.1
            found[f"l{layer}.{name}.b"] = rng.normal(size=shape[0]) * 0.1
        for name in ("aln", "oln"):
            found[f"l{layer}.{name}.w"], found[f"l{layer}.{name}.b"] = np.ones(WIDTH), np.zeros(WIDTH)
    return {name: value.astype(np.float32) for name, value in found.items()}


def to_q4(values: np.ndarray) -> bytes:
    blocks = values.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1) / 7).astype("<f2")
    nibbles = np.clip(np.round(blocks / scale[:, None].astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    packed = nibbles[:, :16] | (nibbles[:, 16:] << 4)
    return b"".join(s.tobytes() + row.tobytes() for s, row in zip(scale, packed, strict=True))


def write(path: Path) -> dict[str, np.ndarray]:
    """Write the file; matrices of layers and words are 4-bit. Gives the tensors as they were before."""
    found = tensors(np.random.default_rng(5))
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, WIDTH, LAYERS, HEADS, INNER, len(PIECES), POSITIONS, 1, 1e-12, 32
    )
    names = [piece.encode() for piece in PIECES]
    offsets = np.cumsum([0, *map(len, names)]).astype("<u4")
    scores = -np.arange(len(PIECES), dtype="<f4") / 8
    words = struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(offsets[-1]))
    words += offsets.tobytes() + scores.tobytes() + b"".join(names) + struct.pack("<iI", 0, 0)
    data = {
        name: to_q4(value) if value.ndim == 2 and name not in {"emb.pos", "emb.type"} else value.tobytes()
        for name, value in found.items()
    }
    size = len(head) + len(words) + 4 + sum(2 + len(name) + 21 for name in data)
    directory = struct.pack("<i", len(data))
    at = size
    for name, content in data.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", 0, found[name].size, at, len(content))
        at += len(content)
    path.write_bytes(head + words + directory + b"".join(data.values()))
    return found
