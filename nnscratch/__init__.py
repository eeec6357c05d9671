"""nnscratch: deep learning from scratch in NumPy, as readable as it is fast."""

__version__ = "0.1.0"
