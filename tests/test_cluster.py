"""Work that is handed to a Dask cluster is done once, by whichever workers there are, or a line says why not."""

import asyncio
import operator
import os

import pytest
from dask_cluster import dask_cluster
from distributed import Client

from keras_vae import cluster
from keras_vae.cluster import calls_on_cluster
from keras_vae.errors import InputError


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with dask_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as two:
        yield two.address


def test_each_call_is_made_once_and_known_by_its_name(address):
    calls = {f"{number} squared": (number, number) for number in range(20)}
    results = list(calls_on_cluster(operator.mul, calls, address))
    assert len(results) == 20
    assert dict(results) == {f"{number} squared": number**2 for number in range(20)}


def test_paths_mean_on_workers_what_they_mean_to_the_command(address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert dict(calls_on_cluster(os.getcwd, {"folder": ()}, address)) == {"folder": str(tmp_path)}


def test_workers_compute_float32_as_float32(address):
    import tensorflow as tf

    is_rounded = tf.config.experimental.tensor_float_32_execution_enabled
    assert dict(calls_on_cluster(is_rounded, {"rounded": ()}, address)) == {"rounded": False}


def test_a_folder_that_workers_cannot_reach_is_named(address, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getcwd", lambda: str(tmp_path / "gone"))
    with pytest.raises(InputError, match=r"The worker at tcp://.* cannot enter .*gone \(No such file or directory\)"):
        list(calls_on_cluster(operator.mul, {"number": (2, 3)}, address))


@pytest.mark.parametrize("place", ["_reach", "wait_for_workers"])
def test_a_timeout_that_is_not_the_builtin_one_and_says_nothing_is_told_too(place, address, monkeypatch):
    class Python310TimeoutError(Exception):
        """`asyncio.TimeoutError` as Python 3.10 has it."""

    def late(*arguments, **options):
        raise Python310TimeoutError

    monkeypatch.setattr(cluster, "TIMED_OUT", (TimeoutError, Python310TimeoutError))
    monkeypatch.setattr(*((cluster, place) if place == "_reach" else (Client, place)), late)
    with pytest.raises(InputError, match=r"no scheduler of Dask answers there|has no workers"):
        list(calls_on_cluster(os.getcwd, {"folder": ()}, address))


def test_calls_are_made_from_a_notebook_whose_loop_is_running(address):
    async def cell() -> dict[str, int]:
        return dict(calls_on_cluster(operator.mul, {"number": (2, 3)}, address))

    assert asyncio.run(cell()) == {"number": 6}


def test_what_a_call_raises_is_raised_here(address):
    with pytest.raises(ValueError, match="invalid literal for int"):
        list(calls_on_cluster(int, {"number": ("many",)}, address))


def test_workers_of_another_version_are_named(address, monkeypatch):
    monkeypatch.setattr(cluster, "__version__", "0.0.1")
    with pytest.raises(InputError, match=r"The worker at tcp://.* has keras_vae .*, not 0\.0\.1: install the same"):
        list(calls_on_cluster(os.getcwd, {"folder": ()}, address))


def test_a_worker_that_makes_several_calls_at_once_is_refused(tmp_path):
    with dask_cluster(tmp_path, workers=1, threads=2) as one, pytest.raises(InputError, match="with --nthreads 1"):
        list(calls_on_cluster(os.getcwd, {"folder": ()}, one.address))


def test_a_call_that_ends_every_worker_is_named(tmp_path):
    with dask_cluster(tmp_path, workers=4) as four, pytest.raises(InputError, match="bad ended several workers"):
        list(calls_on_cluster(os._exit, {"bad": (1,)}, four.address))


def test_a_cluster_without_workers_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "SECONDS_TO_COME", 0.2)
    with dask_cluster(tmp_path, workers=0) as none, pytest.raises(InputError, match="has no workers: start some by"):
        list(calls_on_cluster(os.getcwd, {"folder": ()}, none.address))


@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:1", "nowhere", "tcp://127.0.0.1:notaport", "http://127.0.0.1", "tls://127.0.0.1:1"],
)
def test_an_address_where_no_scheduler_is_is_told(address, monkeypatch):
    monkeypatch.setattr(cluster, "SECONDS_TO_ANSWER", 1)
    with pytest.raises(InputError, match="no scheduler of Dask answers there"):
        list(calls_on_cluster(os.getcwd, {"folder": ()}, address))
