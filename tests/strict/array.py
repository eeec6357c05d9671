"""The double's array: a NumPy array in hiding, that refuses whatever a CuPy array refuses."""

import operator
from types import SimpleNamespace

import numpy as np

from tests.strict.device import DEVICE

HINT = "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array."


class ndarray:  # noqa: N801 as in CuPy
    """`_host` is the memory; every operation gives an ndarray again, also where NumPy would give a scalar."""

    __array_ufunc__ = None  # NumPy's functions and arrays hand their operators to ours, which refuse
    __hash__ = None

    def __init__(self, shape=(), dtype=float):
        self._host = np.empty(shape, dtype)

    def __array__(self, *args, **kwargs):
        raise TypeError(HINT)

    def __array_function__(self, function, types, args, kwargs):
        raise TypeError(f"numpy.{function.__name__} was given a CuPy array. {HINT}")

    # What the host may know without waiting.
    dtype = property(lambda self: self._host.dtype)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    nbytes = property(lambda self: self._host.nbytes)
    itemsize = property(lambda self: self._host.itemsize)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: do(np.transpose, self))
    base = property(lambda self: None if self._host.base is None else of_host(self._host.base))
    data = property(lambda self: SimpleNamespace(ptr=self._host.ctypes.data))
    shape = property(lambda self: self._host.shape)

    @shape.setter
    def shape(self, shape):
        self._host = self._host.reshape(shape)

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of unsized object")
        return len(self._host)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    # What makes the host wait.
    def get(self, stream=None, order="C", out=None, blocking=True):
        DEVICE.copy("download")
        return self._host.copy()

    def set(self, array, stream=None):
        DEVICE.copy("upload")
        self._host[...] = array

    def item(self, *args):
        DEVICE.copy("download")
        return self._host.item(*args)

    def tolist(self):
        DEVICE.copy("download")
        return self._host.tolist()

    def __float__(self):
        DEVICE.copy("download")
        return float(self._host)

    def __int__(self):
        DEVICE.copy("download")
        return int(self._host)

    def __bool__(self):
        DEVICE.copy("download")
        return bool(self._host)

    def __repr__(self):
        DEVICE.copy("download")
        return repr(self._host)

    def __str__(self):
        DEVICE.copy("download")
        return str(self._host)

    def __format__(self, form):
        DEVICE.copy("download")
        return format(self._host[()], form)

    # Indexing.
    def __getitem__(self, index):
        if _has_mask(index):
            DEVICE.wait("an index by a mask, whose length only the device knows,")
        return do(_getitem, self, _index(index))

    def __setitem__(self, index, value):
        if _has_mask(index) and isinstance(value, ndarray) and value.ndim:
            DEVICE.wait("writing an array at a mask")
        do(operator.setitem, self, _index(index), value, writes=True)

    # Methods that CuPy has with these arguments.
    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if not copy and self.dtype == np.dtype(dtype):
            return self
        return do(_astype, self, np.dtype(dtype), order)

    def copy(self, order="C"):
        return do(np.array, self, order=order, copy=True)

    def reshape(self, *shape, order="C"):
        return do(np.reshape, self, shape[0] if len(shape) == 1 else shape, order=order)

    def ravel(self, order="C"):
        return do(np.ravel, self, order)

    def transpose(self, *axes):
        axes = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return do(np.transpose, self, axes or None)

    def swapaxes(self, axis1, axis2):
        return do(np.swapaxes, self, axis1, axis2)

    def squeeze(self, axis=None):
        return do(np.squeeze, self, axis)

    def view(self, dtype=None):
        return do(_view, self, np.dtype(dtype or self.dtype))

    def fill(self, value):
        do(np.ndarray.fill, self, value, writes=True)

    def repeat(self, repeats, axis=None):
        if not isinstance(repeats, (int, tuple, list)):
            raise TypeError("repeat: CuPy takes whole numbers for `repeats`, no array")
        return do(np.repeat, self, repeats, axis)

    def clip(self, min=None, max=None, out=None):
        return do(np.clip, self, min, max)

    def round(self, decimals=0, out=None):
        return do(np.round, self, decimals)

    def argsort(self, axis=-1, kind=None):
        if kind not in (None, "stable"):
            raise ValueError(f"kind {kind!r} is not supported: only 'stable'")
        return do(np.argsort, self, axis, kind="stable")

    def argmax(self, axis=None, out=None, dtype=None, keepdims=False):
        return do(np.argmax, self, axis, keepdims=keepdims)

    def argmin(self, axis=None, out=None, dtype=None, keepdims=False):
        return do(np.argmin, self, axis, keepdims=keepdims)

    def take(self, indices, axis=None, out=None):
        return do(np.take, self, indices, axis)

    def dot(self, other, out=None):
        return do(np.dot, self, other)

    def diagonal(self, offset=0, axis1=0, axis2=1):
        return do(np.diagonal, self, offset, axis1, axis2)

    def cumsum(self, axis=None, dtype=None, out=None):
        return do(np.cumsum, self, axis, dtype)

    def __abs__(self):
        return do(operator.abs, self)

    def __neg__(self):
        return do(operator.neg, self)

    def __invert__(self):
        return do(operator.invert, self)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()


def _reduction(name, *more):
    function = getattr(np, name)

    def method(self, axis=None, *args, out=None, keepdims=False, **options):
        if args and "dtype" not in more:
            raise TypeError(f"ndarray.{name}() takes no further arguments by their places here")
        options |= {"dtype": args[0]} if args else {}
        if unknown := options.keys() - set(more):
            raise TypeError(f"ndarray.{name}() got an unexpected keyword argument {sorted(unknown)[0]!r}")
        if out is not None:
            do(function, self, axis, out=out, keepdims=keepdims, writes=True)
            return out
        return do(function, self, axis, keepdims=keepdims, **options)

    return method


for _name in ("sum", "prod", "mean"):
    setattr(ndarray, _name, _reduction(_name, "dtype"))
for _name in ("max", "min", "all", "any"):
    setattr(ndarray, _name, _reduction(_name))
for _name in ("std", "var"):
    setattr(ndarray, _name, _reduction(_name, "dtype", "ddof"))


def _binary(name):
    function = getattr(operator, name)
    in_place = getattr(operator, "i" + name.rstrip("_"), None)

    def forward(self, other):
        return do(function, self, other)

    def backward(self, other):
        return do(_swapped(function), self, other)

    def onto(self, other):
        do(in_place, self, other, writes=True)
        return self

    return forward, backward, onto


def _swapped(function):
    return lambda a, b: function(b, a)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor"):
    _plain = _name.rstrip("_")
    _forward, _backward, _onto = _binary(_name)
    setattr(ndarray, f"__{_plain}__", _forward)
    setattr(ndarray, f"__r{_plain}__", _backward)
    if _name != "matmul":
        setattr(ndarray, f"__i{_plain}__", _onto)
for _name in ("lshift", "rshift"):
    _forward, _backward, _onto = _binary(_name)
    setattr(ndarray, f"__{_name}__", _forward)
    setattr(ndarray, f"__r{_name}__", _backward)
    setattr(ndarray, f"__i{_name}__", _onto)
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(ndarray, f"__{_name}__", _binary(_name)[0])


def do(function, *args, writes=False, **kwargs):
    """Run a function of NumPy on what the arrays hold, and give arrays back."""
    args, kwargs = [to_host(a) for a in args], {name: to_host(a) for name, a in kwargs.items()}
    return of_host(DEVICE.run(function, args, kwargs, writes))


def to_host(value):
    """Look into our arrays, also inside tuples and lists; refuse those of NumPy."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}: a NumPy array met CuPy, which takes its own arrays only")
    if isinstance(value, (tuple, list)):
        return type(value)(to_host(part) for part in value)
    return value


def of_host(value):
    """Hide NumPy's arrays and scalars in arrays of ours, also inside tuples and lists."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = ndarray.__new__(ndarray)
        array._host = np.asarray(value)
        owner = array._host
        while isinstance(owner.base, np.ndarray):
            owner = owner.base
        DEVICE.allocated(owner)
        return array
    if isinstance(value, (tuple, list)):
        return type(value)(of_host(part) for part in value)
    return value


def _getitem(array, index):
    found = array[index]
    return found if isinstance(found, np.ndarray) else array[(*_parts(index), ...)]


def _astype(array, dtype, order):
    return array.astype(dtype, order=order)


def _view(array, dtype):
    return array.view(dtype)


def _parts(index):
    return index if isinstance(index, tuple) else (index,)


def _has_mask(index):
    return any(isinstance(part, ndarray) and part.dtype == bool for part in _parts(index))


def _index(index):
    """A list is copied to the device, as CuPy does; a NumPy array is refused, though CuPy copies it too."""
    for part in _parts(index):
        if isinstance(part, list):
            DEVICE.copy("upload")
    return index
