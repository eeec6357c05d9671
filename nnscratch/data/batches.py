"""Cut a set into shuffled, augmented batches that a background thread prepares while training goes on."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np

from nnscratch.arrays import array_module, device_of, no_waiting, rng, to_device
from nnscratch.data.dataset import DataError, check_examples, check_targets
from nnscratch.data.draws import Draws


class Batches:
    """The batches of a set, epoch after epoch; every epoch sees every example exactly once.

    x: images (N, C, H, W) or features (N, D). y: labels (N,), or a target of several numbers per example (N, ...),
    such as a label per pixel or a box. `augment` is a function (x, rng) -> x, `preprocess` a function
    x -> float32 x. Each batch depends on (seed, epoch, its number) alone, so a run resumes anywhere, bit for bit.

    `device` says where the batches are wanted. A set that lies on the GPU is augmented and preprocessed there;
    one on the CPU is so there, by a thread, and copied to the device batch by batch. Augmentation on the GPU draws
    other numbers than on the CPU.

    Raises DataError when the batch size is below 1 or above N.

    >>> batches = Batches(np.zeros((10, 3, 8, 8), np.uint8), np.arange(10) % 2, batch_size=4)
    >>> [len(y) for x, y in batches.epoch(0)]
    [4, 4, 2]
    """

    def __init__(
        self, x, y, batch_size: int, *, seed=0, shuffle=True, augment=None, preprocess=None, device=None
    ) -> None:
        self.x, self.y = (a if hasattr(a, "dtype") else np.asarray(a) for a in (x, y))
        self.device = device or device_of(self.x)
        check_examples(self.x, "x")
        self.y = check_targets(self.y, "y", len(self.x))
        if batch_size != int(batch_size) or batch_size < 1:
            raise DataError(f"batch_size is {batch_size}: give a whole number, 1 or more")
        if len(self.x) == 0:
            raise DataError("the set holds no images: give at least one")
        if batch_size > len(self.x):
            raise DataError(
                f"batch_size is {batch_size}, but the set holds {len(self.x)} images: "
                f"use a batch size of {len(self.x)} or less, or more images"
            )
        self.batch_size = int(batch_size)
        self.seed = seed
        self.shuffle = shuffle
        self.augment = augment
        self.preprocess = preprocess

    def __len__(self) -> int:
        """How many batches an epoch has; a last, smaller one counts."""
        return -(-len(self.x) // self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Return an iterator over the batches (x float32, y) of an epoch, from batch `start` on.

        >>> batches = Batches(np.zeros((10, 3, 8, 8), np.uint8), np.arange(10), batch_size=4)
        >>> all_of_it, rest = list(batches.epoch(3)), list(batches.epoch(3, start=1))
        >>> [y.tolist() for x, y in all_of_it[1:]] == [y.tolist() for x, y in rest]
        True
        """
        if not 0 <= start <= len(self):
            raise DataError(
                f"epoch: start is {start}, but an epoch has {len(self)} batches: give 0 to {len(self)}"
            )
        order = self._order(epoch)
        if device_of(self.x) == "gpu":
            return (self._batch(order, epoch, number) for number in range(start, len(self)))
        return self._moved(prefetch(lambda number: self._batch(order, epoch, number), range(start, len(self))))

    def batch(self, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return one batch of an epoch, the same as comes in its turn.

        >>> batches = Batches(np.zeros((10, 3, 8, 8), np.uint8), np.arange(10), batch_size=4)
        >>> batches.batch(3, 1)[1].tolist() == list(batches.epoch(3))[1][1].tolist()
        True
        """
        x, y = self._batch(self._order(epoch), epoch, number)
        return to_device(x, self.device), to_device(y, self.device)

    def _order(self, epoch):
        """The order of the examples in an epoch, where the examples are."""
        count = len(self.x)
        order = rng(self.seed, epoch).permutation(count) if self.shuffle else np.arange(count)
        return to_device(order, device_of(self.x))

    def _batch(self, order, epoch, number):
        chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
        x, y = self.x[chosen], self.y[chosen]
        key = (self.seed, epoch, number)
        with no_waiting():
            if self.augment is not None:
                x = self.augment(x, rng(*key) if device_of(x) == "cpu" else Draws(x, key))
            if self.preprocess is not None:
                x = self.preprocess(x)
        return array_module(x).ascontiguousarray(x, dtype=np.float32), y

    def _moved(self, batches):
        """Copy batches to the device where they are wanted."""
        with closing(batches):
            for x, y in batches:
                yield to_device(x, self.device), to_device(y, self.device)


def prefetch(make: Callable[[Any], Any], keys: Iterable[Any], ahead: int = 3) -> Iterator[Any]:
    """Yield make(key) for each key, made in order by a background thread that stays `ahead` results in front.

    An exception in `make` reaches the consumer. The thread ends when the consumer stops, however it stops.

    >>> list(prefetch(lambda number: number**2, range(4)))
    [0, 1, 4, 9]
    """
    from concurrent.futures import ThreadPoolExecutor

    remaining = iter(keys)
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
    try:
        waiting = deque(worker.submit(make, key) for key in islice(remaining, ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(worker.submit(make, key) for key in islice(remaining, 1))
            yield result
    finally:
        worker.shutdown(wait=True, cancel_futures=True)
