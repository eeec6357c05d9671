"""nnscratch: deep learning from scratch in NumPy, as readable as it is fast.

>>> import nnscratch as nn
>>> data = nn.data.load("shapes10").subset(train=200, val=50)
>>> model = nn.models.mlp(hidden=(20,))
>>> solver = nn.Solver(model, data, epochs=2, preprocess=nn.data.Standardize().fit(data.x_train))
>>> len(solver.train())
2
"""

from nnscratch import classic, data, gradcheck, kernels, layers, models, training
from nnscratch.arrays import to_device
from nnscratch.gradcheck import check_layer, check_loss, check_model, check_pair
from nnscratch.layers import Layer, Sequential
from nnscratch.models import Classifier, small_alexnet
from nnscratch.training import Solver

__version__ = "0.1.0"
