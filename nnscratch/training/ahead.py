"""Training steps on the GPU: the host runs ahead, looks at the losses now and then, and may replay a graph."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nnscratch import kernels
from nnscratch.arrays import array_module, no_waiting

WARM_UP = 2  # steps before one is recorded: by then all kernels are compiled


class GraphError(RuntimeError):
    """A step cannot be recorded as a CUDA graph; the message says what in it cannot."""


class StepsAhead:
    """Takes training steps of a model on the GPU without waiting for one of them.

    A step whose loss or gradients are not finite changes nothing, and neither do the steps after it: a flag on the
    GPU says so to the optimiser and to the running statistics. So the host may look late, and still finds the
    model as it was before the bad step.

    limit: a function that clips the gradients. capacity: how many steps can be taken before `look`.
    graph: record the third step as a CUDA graph, and replay it for every batch of its size. What a step needs from
    the host, its rate and its batch, lies at fixed places on the GPU.

    >>> StepsAhead.__name__
    'StepsAhead'
    """

    def __init__(
        self, model: Any, optimizer: Any, limit: Callable[[Any], Any], capacity: int, graph: bool = False
    ) -> None:
        self.model, self.optimizer, self.limit = model, optimizer, limit
        self.xp = xp = array_module(*model.params.values())
        self.rate = xp.zeros(())
        self.fine = xp.ones((), bool)
        self.log = xp.zeros((capacity, 2))
        self.count = 0
        self.recorded = Recorded(self._work) if graph else None

    def take(self, x: Any, y: Any, rate: float) -> dict[str, Any]:
        """Take a step on a batch that lies on the GPU; return the gradients."""
        self.rate.fill(rate)
        places = (*self.model.params.values(), *self.model.state.values(), *self.optimizer.state.values())
        loss, grads = self._work(x, y) if self.recorded is None else self.recorded.take(x, y, places)
        self.log[self.count, 0] = loss
        self.log[self.count, 1] = self.fine
        self.count += 1
        return grads

    def look(self) -> tuple[list[float], bool]:
        """Wait for the steps taken; return the losses up to the first that is not fine, and whether all were."""
        rows = self.log[: self.count].get().tolist()
        self.count = 0
        losses = [loss for loss, fine in rows if fine]
        if len(losses) < len(rows):
            self.fine.fill(True)
        return losses, len(losses) == len(rows)

    def _work(self, x, y):
        """All that a step does on the GPU, in an order that a graph can repeat on the same memory."""
        state, where = self.model.state, self.xp.where
        before = {name: (array, array.copy()) for name, array in state.items()}
        try:
            with no_waiting():
                loss, grads = self.model.loss(x, y)
                kernels.clear_unless_finite(self.fine, [self.xp.asarray(loss), *grads.values()])
                self.optimizer.step(self.model.params, self.limit(grads), self.rate, go=self.fine)
            for name, (array, copied) in before.items():
                array[...] = where(self.fine, state[name], copied)
        finally:
            for name, (array, _) in before.items():
                state[name] = array
        return loss, grads


@contextmanager
def stream_for(ahead: Any) -> Iterator[None]:
    """Inside this block steps can be recorded, as it has a stream of its own; with None, nothing changes.

    Work from before it, and in it, is complete before other streams go on.

    >>> with stream_for(None):
    ...     "as always"
    'as always'
    """
    if not ahead:
        yield
        return
    cuda = ahead.xp.cuda
    cuda.Stream.null.synchronize()
    with cuda.Stream(non_blocking=True) as stream:
        try:
            yield
        finally:
            stream.synchronize()


class Recorded:
    """Does `work(x, y)` as it is, until it has seen enough of it to record it as a CUDA graph and replay that.

    >>> Recorded(lambda x, y: None).graph is None
    True
    """

    def __init__(self, work: Callable[[Any, Any], tuple[Any, Any]]) -> None:
        self.work = work
        self.key: Any = None
        self.seen = 0
        self.graph: Any = None

    def take(self, x: Any, y: Any, places: tuple[Any, ...]) -> tuple[Any, Any]:
        """Do the work on a batch; `places` are the arrays that it changes, known to a graph by their address."""
        key = (x.shape, x.dtype, y.dtype, *map(id, places))
        if key != self.key and self.graph is not None and x.shape != self.key[0]:
            return self.work(x, y)  # the last batch of an epoch may be smaller
        if key != self.key:
            self.key, self.seen, self.graph = key, 0, None
        self.seen += 1
        if self.seen <= WARM_UP:
            return self.work(x, y)
        if self.graph is None:
            self._record(x, y)
        self.x[...], self.y[...] = x, y
        self.graph.launch()
        return self.result

    def _record(self, x, y):
        cuda = array_module(x).cuda
        self.x, self.y = x.copy(), y.copy()
        self.pool = cuda.MemoryPool()  # of its own, so that nobody else uses what lies between two replays
        stream = cuda.get_current_stream()
        with cuda.using_allocator(self.pool.malloc):
            stream.begin_capture()
            problem = None
            try:
                self.result = self.work(self.x, self.y)
            except Exception as error:
                problem = error
            try:
                self.graph = stream.end_capture()
            except Exception as error:
                problem = problem or error
        if problem is not None:
            self.graph = None
            raise GraphError(
                f"this training step cannot be recorded as a CUDA graph ({problem}): a layer, loss or optimiser "
                "asks for a number from the GPU, copies from the CPU, or multiplies stacks of matrices through "
                "cuBLAS, as Maxout and LocalConv do. Train without --graph, with graph=False"
            ) from problem
