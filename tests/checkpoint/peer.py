"""Trades safetensors files with this crate: run by the test `python_reads_ours_and_we_read_python` in python.rs.

    python peer.py FOLDER

Reads FOLDER/ours.safetensors and compares it, bit by bit, with FOLDER/ours.json; then writes
theirs.safetensors, what it should load as (theirs.json), and state_dict.safetensors.
Needs: pip install safetensors numpy
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file


def check_ours(folder):
    told = json.loads((folder / "ours.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "ours.safetensors")
    assert set(tensors) == {t["name"] for t in told["tensors"]}, sorted(tensors)
    for t in told["tensors"]:
        x = tensors[t["name"]]
        assert x.dtype == np.float32, (t["name"], x.dtype)
        assert list(x.shape) == t["shape"], (t["name"], x.shape)
        assert x.reshape(-1).view(np.uint32).tolist() == t["bits"], t["name"]
    with safe_open(folder / "ours.safetensors", framework="numpy") as file:
        texts = file.metadata()
        assert texts.pop("proxtape.checksum").startswith("file:xxh3-128:"), texts
        assert texts == told["texts"], texts


def write_theirs(folder):
    random = np.random.default_rng(0)
    # Signalling NaN are left out: processors differ in what they make of them.
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[~np.isnan(halves)]
    wide = np.concatenate([random.normal(size=500), random.normal(size=500) * 1e-42, [1e300, -0.0]])
    tensors = {
        "single": random.integers(0, 1 << 32, 1000, dtype=np.uint32).view(np.float32).reshape(10, 100),
        "double": wide,
        "half": halves,
        "scalar": np.array(2.5, dtype=np.float32),
        "empty": np.zeros((2, 0), dtype=np.float32),
        "name \"of\" \U0001f980": np.ones((1, 1, 1, 1, 1, 2), dtype=np.float32),
    }
    texts = {"format": "pt", "an \"odd\" \u00e4": "line\nline"}
    passed_over = {"n": np.array(3, dtype=np.int64), "mask": np.array([True, False])}
    save_file({**tensors, **passed_over}, folder / "theirs.safetensors", metadata=texts)
    with np.errstate(over="ignore"):
        singles = {name: x.astype(np.float32) for name, x in tensors.items()}
    told = [
        {"name": name, "shape": list(x.shape), "bits": x.reshape(-1).view(np.uint32).tolist()}
        for name, x in singles.items()
    ]
    told = json.dumps({"tensors": told, "texts": texts})
    (folder / "theirs.json").write_text(told, encoding="utf-8")


def write_state_dict(folder):
    save_file(
        {
            "module.fc.weight": np.arange(1, 7, dtype=np.float32).reshape(2, 3),
            "module.fc.bias": np.array([7, 8], dtype=np.float64),
            "module.bn.running_mean": np.array([9, 10], dtype=np.float16),
            "module.bn.num_batches_tracked": np.array(17, dtype=np.int64),
        },
        folder / "state_dict.safetensors",
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    check_ours(folder)
    write_theirs(folder)
    write_state_dict(folder)
