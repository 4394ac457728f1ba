"""EfficientNet-Lite0 as an ONNX graph.

Layout from "EfficientNet-Lite" (tensorflow/tpu, models/official/efficientnet/lite): seven stages of inverted
bottlenecks without squeeze-and-excite, ReLU6 for swish, stem and head not scaled. Batch norm is folded into
the convolutions. The only module that imports ``onnx``; nothing at run time imports it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

IMAGE_SIDE = 224
CLASSES = 1000
BATCH_NORM_EPSILON = 1e-3
OPSET = 17
IR_VERSION = 8


class Stage(NamedTuple):
    """Blocks in a row that share a kernel; only the first has the stride and the change of channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels_in: int
    channels_out: int


STAGES = (
    Stage(repeats=1, kernel=3, stride=1, expansion=1, channels_in=32, channels_out=16),
    Stage(repeats=2, kernel=3, stride=2, expansion=6, channels_in=16, channels_out=24),
    Stage(repeats=2, kernel=5, stride=2, expansion=6, channels_in=24, channels_out=40),
    Stage(repeats=3, kernel=3, stride=2, expansion=6, channels_in=40, channels_out=80),
    Stage(repeats=3, kernel=5, stride=1, expansion=6, channels_in=80, channels_out=112),
    Stage(repeats=4, kernel=5, stride=2, expansion=6, channels_in=112, channels_out=192),
    Stage(repeats=1, kernel=3, stride=1, expansion=6, channels_in=192, channels_out=320),
)


def efficientnet_lite0(weights: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """Returns the checked model: ``image`` float32 [1, 3, 224, 224] to ``probabilities`` float32 [1, 1000].

    Raises KeyError when a weight is missing, ValueError when one has another shape, and
    onnx.checker.ValidationError.
    """
    net = _Network(weights)
    x = net.convolution("image", "_conv_stem", "_bn0", shape=(32, 3, 3, 3), stride=2)
    x = net.relu6(x)
    for name, block in _blocks():
        x = net.bottleneck(x, name, block)
    x = net.relu6(net.convolution(x, "_conv_head", "_bn1", shape=(1280, 320, 1, 1)))
    x = net.node("GlobalAveragePool", [x])
    x = net.node("Flatten", [x])
    fully_connected = [net.weight("_fc.weight", (CLASSES, 1280)), net.weight("_fc.bias", (CLASSES,))]
    x = net.node("Gemm", [x, *fully_connected], transB=1)
    net.node("Softmax", [x], output="probabilities", axis=1)
    return net.model()


def _blocks() -> Iterator[tuple[str, Stage]]:
    """Yields each block's name in the state dict with its own stride and channels; ignore ``repeats``."""
    number = 0
    for stage in STAGES:
        for repeat in range(stage.repeats):
            repeated = stage._replace(stride=1, channels_in=stage.channels_out)
            yield f"_blocks.{number}", stage if repeat == 0 else repeated
            number += 1


class _Network:
    """Collects nodes and initialisers; each method adds a piece and returns the name of its output."""

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._initialisers: list[onnx.TensorProto] = []
        self._side = IMAGE_SIDE
        self._relu6_bounds = [self.constant("zero", np.float32(0)), self.constant("six", np.float32(6))]

    def node(self, operator: str, inputs: list[str], output: str | None = None, **attributes: object) -> str:
        output = output or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, name: str, value: np.float32 | Floats) -> str:
        self._initialisers.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    def weight(self, name: str, shape: tuple[int, ...]) -> str:
        return self.constant(name, self._read(name, shape))

    def relu6(self, x: str) -> str:
        return self.node("Clip", [x, *self._relu6_bounds])

    def bottleneck(self, x: str, name: str, block: Stage) -> str:
        """Expand, filter each channel, project; the input is added where shapes allow."""
        inside = block.channels_in * block.expansion
        y = x
        if block.expansion != 1:
            shape = (inside, block.channels_in, 1, 1)
            y = self.relu6(self.convolution(y, f"{name}._expand_conv", f"{name}._bn0", shape))
        shape = (inside, 1, block.kernel, block.kernel)
        y = self.relu6(
            self.convolution(y, f"{name}._depthwise_conv", f"{name}._bn1", shape, block.stride, groups=inside)
        )
        shape = (block.channels_out, inside, 1, 1)
        y = self.convolution(y, f"{name}._project_conv", f"{name}._bn2", shape)
        if block.stride == 1 and block.channels_in == block.channels_out:
            y = self.node("Add", [y, x])
        return y

    def convolution(
        self,
        x: str,
        name: str,
        batch_norm: str,
        shape: tuple[int, int, int, int],
        stride: int = 1,
        groups: int = 1,
    ) -> str:
        """A convolution with TensorFlow's SAME padding and its batch norm folded in.

        ``scale * (W x - mean) + shift`` is ``(scale W) x + (shift - scale * mean)``.
        """
        channels = shape[:1]
        spread = np.sqrt(self._read(f"{batch_norm}.running_var", channels) + np.float32(BATCH_NORM_EPSILON))
        scale = self._read(f"{batch_norm}.weight", channels) / spread
        mean = self._read(f"{batch_norm}.running_mean", channels)
        shift = self._read(f"{batch_norm}.bias", channels) - scale * mean
        kernel = self._read(f"{name}.weight", shape) * scale[:, None, None, None]
        before, after = self._same_padding(shape[-1], stride)
        return self.node(
            "Conv",
            [x, self.constant(f"{name}.weight", kernel), self.constant(f"{name}.bias", shift)],
            kernel_shape=shape[2:],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self._nodes,
            "efficientnet-lite0",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, IMAGE_SIDE, IMAGE_SIDE])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, CLASSES])],
            self._initialisers,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="eco2")
        onnx.checker.check_model(model, full_check=True)
        return model

    def _same_padding(self, kernel: int, stride: int) -> tuple[int, int]:
        """Pixels before and after, the odd one after; follows the side of the picture from layer to layer."""
        side = -(-self._side // stride)
        padding = max((side - 1) * stride + kernel - self._side, 0)
        self._side = side
        return padding // 2, padding - padding // 2

    def _read(self, name: str, shape: tuple[int, ...]) -> Floats:
        array = self._weights[name]
        if array.shape != shape or array.dtype != np.float32:
            raise ValueError(f"{name} is {array.dtype}{array.shape}, not float32{shape}")
        return np.asarray(array, dtype=np.float32)
