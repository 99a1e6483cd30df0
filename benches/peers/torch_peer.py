"""PyTorch (and NumPy's BLAS for plain products) as a peer: times what it is asked for.

Each line of stdin is a case and a slice of time in seconds; the answer is the seconds of one call:

    gemm torch|numpy nn|nt|tn|tt M N K SLICE          (t: that operand is stored as its transpose)
    conv N C H OC KH STRIDE PADDING forward|input|weight SLICE
    step NETWORK BATCH whole|backward|inference SLICE
    memory NETWORK BATCH SLICE             (trains for so long; the answer is the peak in bytes)

Usage: python torch_peer.py THREADS
"""

import resource
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

BATCH = 20e-6  # As stopwatch.rs: what one reading of the clock covers at least.


def seconds(slice_, call):
    """The median of one call over a slice of time, as stopwatch.rs takes it."""
    times = []
    start = time.perf_counter()
    call()
    first = time.perf_counter() - start
    if first >= slice_:
        times.append(first)
    batch = max(1, -int(-BATCH // first))
    while not times or time.perf_counter() - start < slice_:
        begin = time.perf_counter()
        for _ in range(batch):
            call()
        times.append((time.perf_counter() - begin) / batch)
    times.sort()
    return times[len(times) // 2]


def gemm(library, form, m, n, k):
    m, n, k = int(m), int(n), int(k)

    def stored(code, rows, cols):
        return torch.rand(cols, rows).t() if code == "t" else torch.rand(rows, cols)

    a, b, c = stored(form[0], m, k), stored(form[1], k, n), torch.empty(m, n)
    if library == "torch":
        return lambda: torch.mm(a, b, out=c)
    a, b, c = a.numpy(), b.numpy(), c.numpy()
    return lambda: np.matmul(a, b, out=c)


def conv(n, c, h, oc, kh, stride, padding, phase):
    n, c, h, oc, kh, stride, padding = map(int, (n, c, h, oc, kh, stride, padding))
    x, w, b = torch.randn(n, c, h, h), torch.randn(oc, c, kh, kh), torch.randn(oc)
    dy = torch.randn_like(F.conv2d(x, w, b, stride, padding))
    strides, pads = [stride] * 2, [padding] * 2

    def backward(mask):
        backward = torch.ops.aten.convolution_backward
        return lambda: backward(dy, x, w, [oc], strides, pads, [1, 1], False, [0, 0], 1, mask)

    return {
        "forward": lambda: F.conv2d(x, w, b, stride, padding),
        "input": backward([True, False, False]),
        "weight": backward([False, True, False]),
    }[phase]


class Block(nn.Module):
    """A residual block of ResNet-20, with a 1 x 1 convolution where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def lenet300():
    return [nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(),
            nn.Linear(100, 10)]


def lenet5():
    return [nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)]


def vgg_small():
    layers, inputs = [], 3
    for filters in (32, 64, 128):
        for _ in range(2):
            layers += [nn.Conv2d(inputs, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU()]
            inputs = filters
        layers.append(nn.MaxPool2d(2))
    return [*layers, nn.Flatten(), nn.Linear(2048, 10)]


def resnet20():
    layers, inputs = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for outputs, first in ((16, 1), (32, 2), (64, 2)):
        for stride in (first, 1, 1):
            layers.append(Block(inputs, outputs, stride))
            inputs = outputs
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]


NETWORKS = {
    "lenet300": (lenet300, (1, 28, 28)),
    "lenet5": (lenet5, (1, 28, 28)),
    "vgg-small": (vgg_small, (3, 32, 32)),
    "resnet20": (resnet20, (3, 32, 32)),
}


@torch.no_grad()
def prox(parameter, lambda1, rho):
    """The exact prox of lambda1 |w|_1 + rho/2 |w|_1^2 on each row, by sorting."""
    w = parameter.view(parameter.shape[0], -1)
    # Columns are sorted twice as fast after a copy.
    a = w.abs().contiguous()
    ordered, _ = a.sort(dim=1, descending=True)
    sums = ordered.cumsum(1)
    k = torch.arange(1, w.shape[1] + 1, dtype=w.dtype)
    tau = (lambda1 + rho * sums) / (1 + k * rho)
    count = (ordered > tau).sum(1, keepdim=True).clamp(min=1)
    tau = (lambda1 + rho * sums.gather(1, count - 1)) / (1 + count * rho)
    w.copy_(w.sign() * (a - tau.clamp_(min=lambda1)).clamp_(min=0))


def update(rows, cols, by):
    w = nn.Parameter(0.1 * torch.randn(int(rows), int(cols)))
    w.grad = 0.1 * torch.randn_like(w)
    optimizer = torch.optim.SGD([w], lr=1e-6, momentum=0.9)
    groups = w if by == "row" else w.t()

    def call():
        optimizer.step()
        prox(groups, 1e-8, 1e-8 / groups.shape[1])

    return call


def step(name, batch, what):
    layers, shape = NETWORKS[name]
    network = nn.Sequential(*layers())
    x, labels = torch.randn(int(batch), *shape), torch.arange(int(batch)) % 10
    weights = [p for p in network.parameters() if p.dim() > 1]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def backward():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(network(x), labels).backward()

    def whole():
        backward()
        optimizer.step()
        for weight in weights:
            prox(weight, 1e-5, 1e-5)

    def inference():
        with torch.inference_mode():
            network(x)

    if what == "inference":
        network.eval()
    return {"whole": whole, "backward": backward, "inference": inference}[what]


def memory(name, batch):
    return step(name, batch, "whole")


def main():
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]))
    print("ready", flush=True)
    last, call = None, None
    for line in sys.stdin:
        *case, slice_ = line.split()
        # The operands of a case stay for its next rounds.
        if case != last:
            last, call = case, None
            call = globals()[case[0]](*case[1:])
        answer = seconds(float(slice_), call)
        if case[0] == "memory":
            # In KiB on Linux.
            answer = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(answer, flush=True)


if __name__ == "__main__":
    main()
