"""Take out of an ONNX model what the exporter tells of the machine: source lines with the paths of its folders."""


def without_traces(model: bytes) -> bytes:
    """Give the same model without the metadata of its nodes, functions and values."""
    import onnx  # noqa: PLC0415 - slow to import, and only the export needs it

    loaded = onnx.load_from_string(model)
    graph = loaded.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for function in loaded.functions:
        for part in (function, *function.node):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    stripped: bytes = loaded.SerializeToString()
    return stripped
