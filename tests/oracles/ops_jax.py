#!/usr/bin/env python3
"""Writes ops-jax.json: golden cases for what ops.json leaves out, from JAX in float64.

Needs jax (made with 0.10.2). Inputs are multiples of 2^-10, so they are exact in f32.
"""
import json
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

jax.config.update("jax_enable_x64", True)
random = np.random.RandomState(7)
cases = []


def numbers(*shape, low=-2.0, high=2.0):
    return np.round(random.uniform(low, high, shape) * 1024) / 1024


def array(x):
    x = np.asarray(x)
    return {"shape": list(x.shape), "data": x.ravel().tolist()}


def case(op, f, *inputs, **attrs):
    y, vjp = jax.vjp(f, *inputs)
    dy = numbers(*y.shape)
    cases.append({
        "op": op, "attrs": attrs, "inputs": [array(x) for x in inputs], "output": array(y),
        "cotangent": array(dy), "grads": [array(dx) for dx in vjp(jnp.asarray(dy))],
    })


def conv2d(stride, padding, dilation, groups):
    def f(x, w, *b):
        y = lax.conv_general_dilated(
            x, w, stride, [(p, p) for p in padding], rhs_dilation=dilation,
            feature_group_count=groups, dimension_numbers=("NCHW", "OIHW", "NCHW"),
            precision="highest")
        return y + b[0][:, None, None] if b else y
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return f, attrs


def pool(init, op, kernel, stride, padding, scale=1.0):
    pads = [(0, 0), (0, 0)] + [(p, p) for p in padding]
    return lambda x: scale * lax.reduce_window(
        x, init, op, (1, 1, *kernel), (1, 1, *stride), pads)


def normalise(x, mean, variance, g, b, eps):
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean, variance, g, b = (v.reshape(shape) for v in (mean, variance, g, b))
    return g * (x - mean) / jnp.sqrt(variance + eps) + b


def batch_norm(x, g, b):
    axes = (0, *range(2, x.ndim))
    return normalise(x, x.mean(axes), x.var(axes), g, b, 1e-3)


for shapes in [([3, 7], [7]), ([3, 1], [1, 5]), ([], [2, 3]), ([2, 1, 4], [3, 1]), ([1, 9], [4, 9]),
               ([2, 3, 2, 1, 3, 2], [3, 1, 2, 1, 2])]:
    a, b = numbers(*shapes[0]), numbers(*shapes[1], low=0.5)
    for name in ["add", "sub", "mul", "div"]:
        case(name, {"add": jnp.add, "sub": jnp.subtract, "mul": jnp.multiply, "div": jnp.divide}[name],
             a, b)
case("gelu", lambda x: jax.nn.gelu(x, approximate=False), numbers(41, low=-6, high=6), approximate="none")
case("gelu", lambda x: jax.nn.gelu(x, approximate=True), numbers(41, low=-6, high=6), approximate="tanh")
case("leaky_relu", lambda x: jnp.where(x > 0, x, 0.25 * x), numbers(41), slope=0.25)
case("add_scalar", lambda x: x + 0.75, numbers(3, 5), c=0.75)
case("mul_scalar", lambda x: x * -1.5, numbers(3, 5), c=-1.5)
case("linear", lambda x, w: x @ w.T, numbers(4, 6), numbers(3, 6))
for x, w, b, attrs in [
        ([2, 4, 6, 5], [6, 2, 3, 2], [6], ([2, 1], [0, 1], [1, 2], 2)),
        ([1, 3, 7, 7], [3, 1, 3, 3], [3], ([1, 1], [1, 1], [2, 2], 3)),
        ([3, 2, 5, 8], [4, 2, 5, 1], None, ([1, 3], [2, 0], [1, 1], 1)),
        ([2, 5, 4, 4], [7, 5, 1, 1], None, ([2, 2], [0, 0], [1, 1], 1))]:
    f, attrs = conv2d(*attrs)
    case("conv2d", f, numbers(*x), numbers(*w), *([numbers(*b)] if b else []), **attrs)
for kernel, stride, padding in [([3, 3], [2, 2], [1, 1]), ([2, 3], [1, 2], [0, 1]), ([3, 2], [2, 3], [1, 0])]:
    attrs = {"kernel": kernel, "stride": stride, "padding": padding}
    # Different numbers, so that no maximum is shared.
    x = random.permutation(2 * 2 * 7 * 8).reshape(2, 2, 7, 8) / 64.0 - 1.5
    case("max_pool2d", pool(-jnp.inf, lax.max, kernel, stride, padding), x, **attrs)
    average = pool(0.0, lax.add, kernel, stride, padding, 1 / np.prod(kernel))
    case("avg_pool2d", average, x, **attrs)
for shape in [(6, 3), (4, 3, 5), (2, 3, 4, 3)]:
    inputs = numbers(*shape), numbers(3), numbers(3)
    case("batch_norm2d", batch_norm, *inputs, eps=1e-3, training=True)
    mean, variance = numbers(3), numbers(3, low=0.25)
    case("batch_norm_inference", lambda x, g, b: normalise(x, mean, variance, g, b, 1e-3), *inputs,
         eps=1e-3, mean=mean.tolist(), var=variance.tolist())


def layer_norm(x, g, b):
    centred = x - x.mean(-1, keepdims=True)
    return g * centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-3) + b


case("layer_norm", layer_norm, numbers(2, 3, 9), numbers(9), numbers(9), eps=1e-3)
case("softmax", lambda x: jax.nn.softmax(x), numbers(2, 3, 9, low=-20, high=20))
case("log_softmax", lambda x: jax.nn.log_softmax(x), numbers(2, 3, 9, low=-20, high=20))
for axis in range(3):
    case("sum_axis", lambda x: x.sum(axis), numbers(3, 4, 5), axis=axis)
    case("mean_axis", lambda x: x.mean(axis), numbers(3, 4, 5), axis=axis)
    parts = numbers(2, 3, 4), numbers(*[5 if i == axis else n for i, n in enumerate([2, 3, 4])])
    case("concat", lambda *x: jnp.concatenate(x, axis), *parts, axis=axis)
    case("slice", lambda x: lax.slice_in_dim(x, 1, 3, axis=axis), numbers(3, 4, 5), axis=axis,
         start=1, end=3)
case("reshape", lambda x: x.reshape(2, 6), numbers(3, 4), shape=[2, 6])
case("flatten", lambda x: x.reshape(2, -1), numbers(2, 3, 4))

with open("ops-jax.json", "w") as file:
    json.dump({"source": "JAX float64", "cases": cases}, file)
    file.write("\n")
print(len(cases), "cases")
