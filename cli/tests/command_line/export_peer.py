"""Runs an exported file: called by the tests of export.rs.

    python export_peer.py MODEL IMAGES LOGITS

MODEL is .onnx or .safetensors, IMAGES an IDX file, LOGITS what the program makes of these images, as
JSON. Outputs must lie within 1e-5 of the largest one, and no decision may change.
Needs: pip install numpy onnx onnxruntime safetensors, and Python 3.11 or later
"""

import json
import math
import sys
import tomllib

import numpy as np
import onnx
import onnxruntime
from safetensors import safe_open
from safetensors.numpy import load_file

ERF = np.vectorize(math.erf)


def images(path):
    data = open(path, "rb").read()
    n, h, w = (int.from_bytes(data[at : at + 4], "big") for at in (4, 8, 12))
    return np.frombuffer(data, np.uint8, offset=16).reshape(n, 1, h, w).astype(np.float32)


def by_onnxruntime(path, x):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 8 and [o.version for o in model.opset_import] == [17]
    assert {p.key for p in model.metadata_props} >= {"recipe", "normalization", "class_names"}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (port,) = session.get_inputs()
    assert (port.name, port.shape, port.type) == ("input", ["N", 1, 8, 8], "tensor(float)"), port
    assert [o.name for o in session.get_outputs()] == ["logits", "probabilities"]
    logits, probabilities = session.run(None, {"input": x})
    powers = np.exp(logits - logits.max(1, keepdims=True))
    assert np.abs(probabilities - powers / powers.sum(1, keepdims=True)).max() < 1e-6
    (one,) = session.run(["logits"], {"input": x[:1]})
    assert one.shape == (1, 10) and np.abs(one - logits[:1]).max() < 1e-5 * np.abs(logits).max()
    return logits


def pair(value, default):
    value = default if value is None else value
    return value if isinstance(value, list) else [value, value]


def windows(x, layer, fill, kernel=None):
    """For each position of the kernel: the pixels that it meets, [N, C, OH, OW]."""
    kernel = kernel or pair(layer["kernel"], None)
    stride, padding = pair(layer.get("stride"), 1), pair(layer.get("padding"), 0)
    dilation = pair(layer.get("dilation"), 1)
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], constant_values=fill)
    size = [(n - d * (k - 1) - 1) // s + 1 for n, d, k, s in zip(x.shape[2:], dilation, kernel, stride)]
    for a in range(kernel[0]):
        for b in range(kernel[1]):
            top, left = a * dilation[0], b * dilation[1]
            rows = slice(top, top + (size[0] - 1) * stride[0] + 1, stride[0])
            yield a, b, x[:, :, rows, left : left + (size[1] - 1) * stride[1] + 1 : stride[1]]


def conv(x, layer, w, bias):
    groups = layer.get("groups", 1)
    parts = []
    for x, w in zip(np.split(x, groups, 1), np.split(w, groups, 0)):
        taps = windows(x, layer, 0, list(w.shape[2:]))
        parts.append(sum(np.einsum("nchw,oc->nohw", x, w[:, :, a, b]) for a, b, x in taps))
    return np.concatenate(parts, 1) + bias[:, None, None]


def layer_of(tensors, name, layer, x):
    get = lambda part: tensors[f"{name}.{part}"].astype(np.float64)
    match layer["kind"]:
        case "linear":
            return x @ get("weight").T + (get("bias") if layer["bias"] else 0)
        case "conv2d":
            w = get("weight")
            return conv(x, layer, w, get("bias") if layer["bias"] else np.zeros(len(w)))
        case "batch-norm":
            shape = (-1, *[1] * (x.ndim - 2))
            gamma, beta, mean, var = (
                get(part).reshape(shape) for part in ("weight", "bias", "running_mean", "running_var")
            )
            return (x - mean) / np.sqrt(var + layer["eps"]) * gamma + beta
        case "layer-norm":
            mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
            return (x - mean) / np.sqrt(var + layer["eps"]) * get("weight") + get("bias")
        case "max-pool":
            return np.max([x for *_, x in windows(x, layer, -np.inf)], 0)
        case "avg-pool":
            return np.mean([x for *_, x in windows(x, layer, 0)], 0)
        case "global-avg-pool":
            return x.mean((2, 3))
        case "flatten":
            return x.reshape(len(x), -1)
        case "select":
            return x[:, layer["indices"]]
        case "relu":
            return np.maximum(x, 0)
        case "leaky-relu":
            return np.where(x < 0, layer["slope"] * x, x)
        case "gelu":
            return x * (1 + ERF(x / math.sqrt(2))) / 2
        case "gelu-tanh":
            return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
        case "tanh":
            return np.tanh(x)
        case "sigmoid":
            return 1 / (1 + np.exp(-x))
        case "dropout":
            return x
        case "residual":
            long = sequence(tensors, layer.get("body", []), f"{name}.", x)
            return long + sequence(tensors, layer.get("shortcut", []), f"{name}.shortcut.", x)
    raise AssertionError(f"layer {name} is a {layer['kind']}")


def sequence(tensors, layers, prefix, x):
    for i, layer in enumerate(layers):
        x = layer_of(tensors, prefix + layer.get("name", str(i)), layer, x)
    return x


def by_numpy(path, x):
    tensors = load_file(path)
    with safe_open(path, framework="numpy") as file:
        texts = file.metadata()
    layers = tomllib.loads(texts["recipe"])["model"]["layer"]
    scaling = json.loads(texts["normalization"])
    mean, std = (np.array(scaling[key]).reshape(-1, 1, 1) for key in ("mean", "std"))
    return sequence(tensors, layers, "", (scaling["scale"] * x.astype(np.float64) - mean) / std)


if __name__ == "__main__":
    model, idx, told = sys.argv[1:]
    x = images(idx)
    assert len(x) >= 1000
    wants = np.array(json.load(open(told, encoding="utf-8")))
    got = (by_onnxruntime if model.endswith(".onnx") else by_numpy)(model, x)
    assert got.shape == wants.shape, (got.shape, wants.shape)
    difference = np.abs(got - wants).max() / np.abs(wants).max()
    changed = int((got.argmax(1) != wants.argmax(1)).sum())
    print(f"{model}: {len(x)} images, difference {difference:.1e}, {changed} decisions changed")
    assert difference <= 1e-5 and changed == 0, (difference, changed)
