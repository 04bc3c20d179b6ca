"""Two classifiers of some hundred bytes, for DARKROOM_CLASSIFIER: how red a picture is, in both layouts.

    python make_classifier.py

The probabilities in test/engine/safety.test.ts follow from the weights below: logits 8 * (red - (green + blue) / 2) and 0.
"""

import numpy as np
import onnx
from make_pictures import FIXTURES
from onnx import TensorProto, helper, numpy_helper

FOLDER = FIXTURES / "classifier"
SIDE = 8


def make(name: str, shape: list[int], axes: list[int]) -> None:
    weights = np.array([[0, 8], [0, -4], [0, -4]], dtype=np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["picture", "axes"], ["mean"], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        ],
        name,
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2])],
        [
            numpy_helper.from_array(np.array(axes, dtype=np.int64), "axes"),
            numpy_helper.from_array(weights, "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / f"{name}.onnx")


FOLDER.mkdir(parents=True, exist_ok=True)
make("red-nchw", [1, 3, SIDE, SIDE], [2, 3])
make("red-nhwc", [1, SIDE, SIDE, 3], [1, 2])
