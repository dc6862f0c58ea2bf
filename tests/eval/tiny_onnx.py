"""An ONNX file without the onnx package: its few protobuf fields, written by hand.

The graph averages each colour of a picture (1, 3, S, S):
``GlobalAveragePool``, then ``Flatten``. A picture's features are its mean colours.
"""

from __future__ import annotations

FLOAT = 1
UINT8 = 2


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _tensor_info(name: str, shape: tuple[int, ...]) -> bytes:
    dimensions = b"".join(_bytes(1, _number(1, size)) for size in shape)
    tensor_type = _number(1, FLOAT) + _bytes(2, dimensions)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor_type))


def _node(operation: str, source: str, target: str) -> bytes:
    return _bytes(1, source) + _bytes(2, target) + _bytes(4, operation)


def mean_colour_network(size: int) -> bytes:
    """(1, 3, size, size) -> (1, 3)."""
    graph = (
        _bytes(1, _node("GlobalAveragePool", "photo", "means"))
        + _bytes(1, _node("Flatten", "means", "features"))
        + _bytes(2, "mean_colour")
        + _bytes(11, _tensor_info("photo", (1, 3, size, size)))
        + _bytes(12, _tensor_info("features", (1, 3)))
    )
    return _number(1, 8) + _bytes(8, _number(2, 13)) + _bytes(7, graph)


def scaled_by_a_file(location: str, channels: int) -> bytes:
    """(1, 3, S, S) -> (1, 3, S, S), times weights (bytes) that lie in another file."""
    pairs = {"location": location, "offset": "0", "length": str(channels)}
    outside = b"".join(_bytes(13, _bytes(1, key) + _bytes(2, value)) for key, value in pairs.items())
    shape = _number(1, 1) + _number(1, channels) + _number(1, 1) + _number(1, 1)
    weights = shape + _number(2, UINT8) + _bytes(8, "weights") + _number(14, 1) + outside
    to_float = _node("Cast", "weights", "scale") + _bytes(
        5, _bytes(1, "to") + _number(3, FLOAT) + _number(20, 2)
    )
    scale = _bytes(1, "photo") + _bytes(1, "scale") + _bytes(2, "features") + _bytes(4, "Mul")
    graph = (
        _bytes(1, to_float)
        + _bytes(1, scale)
        + _bytes(2, "scaled")
        + _bytes(5, weights)
        + _bytes(11, _tensor_info("photo", (1, channels, 16, 16)))
        + _bytes(12, _tensor_info("features", (1, channels, 16, 16)))
    )
    return _number(1, 8) + _bytes(8, _number(2, 13)) + _bytes(7, graph)
