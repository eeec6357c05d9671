"""Weights and networks in and out: PyTorch's state dicts, and ONNX."""

from nnscratch.interop.onnx_export import export_onnx, to_onnx
from nnscratch.interop.torch_weights import WeightsError, load_torch, read_weights, save_torch, to_torch
