"""Calls of a function, each made by whichever worker of a Dask cluster is free."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from keras_vae.backend import compute_exactly
from keras_vae.errors import InputError
from keras_vae.version import __version__

__all__ = ["calls_on_cluster"]

Result = TypeVar("Result")

SECONDS_TO_ANSWER = 10  # of a scheduler
SECONDS_TO_COME = 60  # of the first worker
TIMED_OUT = (TimeoutError, asyncio.TimeoutError)  # which are two in Python 3.10


def calls_on_cluster(
    function: Callable[..., Result], calls: Mapping[str, tuple[Any, ...]], scheduler: str
) -> Iterator[tuple[str, Result]]:
    """Make calls on the workers of a Dask cluster, one at a time on each, in the folder that this process is in.

    A worker gets its next call when it is done with one, so that a fast one makes more of them. The call of a worker
    that was lost is made by another. Calls that have not begun are withdrawn when the iteration ends early.

    Args:
        function: of a module that the workers have too.
        calls: for each name the arguments of its call.
        scheduler: address of the cluster's scheduler, such as `tcp://10.0.0.1:8786`.

    Yields:
        The name of a call and what it returned, in the order in which they end.

    Raises:
        InputError: no scheduler answers, no worker comes, a worker has another version of this package or makes several
            calls at once, or several workers were lost in the same call.
        Exception: whatever the function raised.
    """
    from distributed import Client, as_completed
    from distributed.scheduler import KilledWorker

    try:
        # A client that finds none is not closed, and can lock the next one for good once it is collected.
        with ThreadPoolExecutor(1) as thread:  # that of a notebook has a loop of its own
            thread.submit(lambda: asyncio.run(_reach(scheduler))).result()
    # TypeError is what Dask has for tls:// without certificates.
    except (OSError, ValueError, TypeError, *TIMED_OUT) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f"--scheduler {scheduler}: no scheduler of Dask answers there ({reason}): start one by "
            "`dask scheduler`, and give the address that it prints."
        ) from error
    with Client(scheduler, timeout=SECONDS_TO_ANSWER) as client:
        try:
            client.wait_for_workers(1, timeout=SECONDS_TO_COME)
        except TIMED_OUT:
            raise InputError(
                f"--scheduler {scheduler} has no workers: start some by `dask worker {scheduler} --nthreads 1`."
            ) from None
        folder = os.getcwd()  # noqa: PTH109
        names = {
            client.submit(_call, __version__, folder, function, arguments, pure=False): name
            for name, arguments in calls.items()
        }
        for done in as_completed(names):
            try:
                result = done.result()
            except KilledWorker as error:
                raise InputError(f"{names[done]} ended several workers: their own output says why.") from error
            yield names[done], result


async def _reach(scheduler: str) -> None:
    """Connect to a scheduler, and part from it."""
    from distributed.comm.core import connect

    connection = await connect(scheduler, timeout=SECONDS_TO_ANSWER)
    await connection.close()


def _call(version: str, folder: str, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    """Make a call on a worker."""
    from distributed import get_worker

    worker = get_worker()
    if version != __version__:
        raise InputError(
            f"The worker at {worker.address} has keras_vae {__version__}, not {version}: install the same."
        )
    if worker.state.nthreads > 1:
        raise InputError(
            f"The worker at {worker.address} would make {worker.state.nthreads} calls at once, each on all cores: "
            "start it with --nthreads 1."
        )
    try:
        os.chdir(folder)  # paths mean the same as where the command was given
    except OSError as error:
        raise InputError(
            f"The worker at {worker.address} cannot enter {folder} ({error.strerror}): it must reach the folder under "
            "the path that it has for the command."
        ) from error
    compute_exactly()  # as the command does
    return function(*arguments)
