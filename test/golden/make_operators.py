"""Makes ../graph/operators.json: python make_operators.py

The definitions of the operators that Darkroom's graphs consist of, as ONNX's checker reads them: of ONNX's own from the
onnx package, of onnxruntime's own (also those that it puts into ONNX's name space) from the onnxruntime package.

    python make_operators.py FOLDER

runs ONNX's own checker over the .onnx files of a folder, which `node test/graph/write-graphs.ts FOLDER` writes. It
knows nothing of com.microsoft and lets it pass; the operators that onnxruntime puts into ONNX's name space are told to it.
"""

import json
import sys
from pathlib import Path

import onnx
from onnxruntime.capi.onnxruntime_pybind11_state import get_all_operator_schema

OPSETS = {"": 20, "com.microsoft": 1}
FILE = Path(__file__).parent.parent / "graph" / "operators.json"
#: In ONNX's name space, though only onnxruntime has it.
THEIRS = "SimplifiedLayerNormalization"
USED = sorted(json.loads(FILE.read_text())) if FILE.exists() else []


def newest(schemas, domain: str, name: str):
    own = [one for one in schemas if (one.domain, one.name) == (domain, name)]
    return max(
        (one for one in own if one.since_version <= OPSETS[domain]), key=lambda one: one.since_version, default=None
    )


def described(schema) -> dict:
    kind = lambda one: str(one.type).rpartition(".")[2].lower()
    return {
        "inputs": [schema.min_input, min(schema.max_input, 2**31 - 1)],
        "outputs": [schema.min_output, min(schema.max_output, 2**31 - 1)],
        "attributes": {
            name: kind(one) + ("!" if one.required else "") for name, one in sorted(schema.attributes.items())
        },
    }


def make(names: list[str]) -> None:
    theirs = get_all_operator_schema()
    schemas = onnx.defs.get_all_schemas_with_history()
    found = {}
    for key in names:
        domain, _, name = key.rpartition("::")
        schema = newest(schemas, domain, name) or newest(theirs, domain, name)
        if schema is None or schema.deprecated:
            sys.exit(f"{key}: no such operator in opset {OPSETS[domain]}")
        found[key] = described(schema)
    FILE.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in found.items()) + "\n}\n")


def with_zeros(model: onnx.ModelProto) -> onnx.ModelProto:
    """The checker wants the files of the weights where the graph says."""
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            [length] = [int(one.value) for one in tensor.external_data if one.key == "length"]
            tensor.raw_data = bytes(length)
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    return model


def check(folder: Path) -> None:
    [theirs] = [one for one in get_all_operator_schema() if (one.domain, one.name) == ("", THEIRS)]
    types = {one.type_param_str: one for one in theirs.type_constraints}
    option = lambda one: getattr(onnx.defs.OpSchema.FormalParameterOption, str(one.option).rpartition(".")[2])
    parameter = lambda one: onnx.defs.OpSchema.FormalParameter(one.name, one.typeStr, param_option=option(one))
    attribute = lambda name, one: onnx.defs.OpSchema.Attribute(
        name, getattr(onnx.defs.OpSchema.AttrType, str(one.type).rpartition(".")[2]), required=one.required
    )
    onnx.defs.register_schema(
        onnx.defs.OpSchema(
            THEIRS,
            "",
            theirs.since_version,
            inputs=[parameter(one) for one in theirs.inputs],
            outputs=[parameter(one) for one in theirs.outputs],
            type_constraints=[(name, list(one.allowed_type_strs), "") for name, one in types.items()],
            attributes=[attribute(name, one) for name, one in theirs.attributes.items()],
        )
    )
    files = sorted(folder.glob("*.onnx"))
    refused = 0
    for file in files:
        try:
            onnx.checker.check_model(with_zeros(onnx.load(str(file), load_external_data=False)))
        except onnx.checker.ValidationError as error:
            refused += 1
            print(f"{file.name}: {error}")
    print(f"{len(files)} graphs, {refused} refused")


if len(sys.argv) > 1:
    check(Path(sys.argv[1]))
else:
    make(USED)
