"""The command that measures how fast this machine is, and how what it does scales."""

from collections.abc import Iterable

from keras_vae.cli.shared import Arguments, Command, Parser
from keras_vae.command_line import add_arguments, given_options
from keras_vae.console import import_tensorflow
from keras_vae.errors import InputError
from keras_vae.runs import PRESETS, TrainConfig

__all__ = ["COMMANDS"]

MEASURED_AFTER = (1, 2, 4, 8, 16, 32)  # epochs


def _add_benchmark(parser: Parser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--peers", action="store_true", help="compare with plain Keras, PyTorch and JAX, as far as they are installed"
    )
    what.add_argument(
        "--operations", action="store_true", help="profile training steps of this project and of plain Keras"
    )
    what.add_argument(
        "--time-to-quality",
        action="store_true",
        help="seconds until this project is as good as plain Keras after 30 epochs; takes most of an hour",
    )
    what.add_argument(
        "--scaling", action="store_true", help="measure how cost grows, arithmetic, the pipeline and start-up time"
    )
    what.add_argument(
        "--memory",
        action="store_true",
        help="peak of memory of training, encoding, evaluating and exploring 70,000 and 1.4 million images",
    )
    what.add_argument(
        "--convolutions",
        action="store_true",
        help="compare the convolutional network with strided convolutions in plain Keras, on images of two sizes",
    )
    what.add_argument(
        "--stages", action="store_true", help="train, evaluate, explore and report, and say where the time goes"
    )
    what.add_argument(
        "--critical-batch", action="store_true", help="train, and measure by the noise of gradients which batch learns"
    )
    what.add_argument("--files", metavar="N", type=int, help="write N image files, and open them as a data set")
    what.add_argument(
        "--workers",
        metavar="CRITICAL_BATCH",
        type=float,
        help="measure one to four processes of this machine that train together, and predict up to 512 machines",
    )
    add_arguments(parser, TrainConfig, PRESETS)


def _benchmark(arguments: Arguments) -> None:
    given = given_options(arguments, TrainConfig)
    config = TrainConfig.from_preset(arguments.preset or "default", **given)
    for name in ("peers", "operations", "time_to_quality", "convolutions", "memory", "files"):
        if getattr(arguments, name) not in (None, False) and (given or arguments.preset):
            option = f"--{name.replace('_', '-')}"
            raise InputError(f"{option} has options of its own: leave out those of a training.")
    if arguments.workers is not None and not arguments.workers > 0:
        raise InputError(f"--workers takes the critical batch in images, more than 0, not {arguments.workers:g}.")

    if arguments.files is not None and not 100 <= arguments.files <= 10_000_000:
        raise InputError(f"--files takes from 100 to 10 million, not {arguments.files}.")

    import_tensorflow()
    if arguments.peers:
        _peers()
    elif arguments.operations:
        _operations()
    elif arguments.time_to_quality:
        _time_to_quality()
    elif arguments.convolutions:
        _convolutions()
    elif arguments.scaling:
        _scaling(config)
    elif arguments.memory:
        _memory()
    elif arguments.files is not None:
        _files(arguments.files)
    elif arguments.stages:
        _stages(config)
    elif arguments.critical_batch:
        _critical_batch(config)
    elif arguments.workers is not None:
        _workers(config, arguments.workers)
    else:
        _speeds(config)


def _speeds(config: TrainConfig) -> None:
    from keras_vae.benchmark import bound_speeds, pipeline_speed, training_speeds
    from keras_vae.runs import open_data

    data = open_data(config)
    (training,) = training_speeds([config], data)
    print(f"{'images/s':>48}{'ratio':>10}", flush=True)
    print(f"{'training, this configuration':<36}{training:>12,.0f}", flush=True)
    for binarize in ("none", "dynamic"):
        speed = pipeline_speed(config.replace(binarize=binarize), data)
        print(f"{f'pipeline alone, binarize {binarize}':<36}{speed:>12,.0f}{speed / training:>10.1f}", flush=True)
    bound, decoder = bound_speeds(config, data)
    print(f"{'decoder alone, latents/s':<36}{decoder:>12,.0f}", flush=True)
    print(f"{'bound, image-samples/s':<36}{bound:>12,.0f}{bound / decoder:>10.2f}", flush=True)
    ways = {
        "float32": {"xla": "updates", "mixed_precision": "off"},
        "float32, XLA": {"xla": "on", "mixed_precision": "off"},
        "bfloat16": {"xla": "updates", "mixed_precision": "on"},
    }
    for network in ("dense", "convolutional"):
        choices = [config.replace(network=network, widths=None, **way) for way in ways.values()]
        first, *others = training_speeds(choices, data)
        for way, speed in zip(ways, (first, *others), strict=True):
            ratio = f"{speed / first:>10.2f}" if speed != first else ""
            print(f"{f'training, {network}, {way}':<36}{speed:>12,.0f}{ratio}", flush=True)


def _peers() -> None:
    from keras_vae.benchmark import PEER_NETWORKS, peer_speeds, peer_table
    from keras_vae.data import open_dataset

    images = open_dataset().images("train")
    for network, title in PEER_NETWORKS.items():
        _print(f"{title}, {len(images):,} images", peer_table(peer_speeds(network, images)))


def _operations() -> None:
    from keras_vae.benchmark import operation_table, profiled_operations
    from keras_vae.data import open_dataset

    found = profiled_operations(open_dataset().images("train"))
    _print("What the time of a training step goes to, all threads together", operation_table(found))


def _time_to_quality() -> None:
    from keras_vae.benchmark import quality_table, times_to_quality
    from keras_vae.data import open_dataset

    _print("Time to the quality of plain Keras", quality_table(times_to_quality(open_dataset())))


def _convolutions() -> None:
    from keras_vae.benchmark import SHAPES, convolution_speeds, convolution_table

    for shape in SHAPES:
        title = f"Training with convolutions, {' x '.join(map(str, shape))}, of about as many multiply-adds"
        _print(title, convolution_table(convolution_speeds(shape)))


def _scaling(config: TrainConfig) -> None:
    from keras_vae.benchmark import (
        attained_rates,
        growth_table,
        measure_growth,
        pipeline_speed,
        rate_table,
        start_table,
        training_speeds,
    )
    from keras_vae.runs import open_data

    data = open_data(config)
    _print("How cost grows", growth_table(measure_growth(config)))
    _print("Arithmetic", rate_table(attained_rates(config, data)))
    (training,), pipeline = training_speeds([config], data), pipeline_speed(config, data)
    ratio = f"{pipeline / training:.1f} times the {training:,.0f} of training"
    _print("The input pipeline alone", [f"{pipeline:,.0f} images/s, {ratio}"])
    _print("Start", start_table())


def _memory() -> None:
    import pyarrow  # noqa: F401 (without it, encoding could not be measured: that is told before minutes are spent)

    from keras_vae.benchmark import memory_table, peak_memories

    _print("Memory", memory_table(peak_memories()))


def _files(count: int) -> None:
    from keras_vae.benchmark import image_folder_table

    _print("A folder of images", image_folder_table(count))


def _stages(config: TrainConfig) -> None:
    from keras_vae.benchmark import profile_commands

    options = config.command_options()
    _print("Where the time of each command goes", profile_commands(options))


def _critical_batch(config: TrainConfig) -> None:
    from keras_vae.benchmark import measure_noise_scales, noise_scale_table
    from keras_vae.runs import open_data

    epochs = {*MEASURED_AFTER, config.epochs}
    _print("Noise of gradients", noise_scale_table(measure_noise_scales(config, open_data(config), epochs)))


def _workers(config: TrainConfig, critical_batch: float) -> None:
    import math

    from keras_vae.benchmark import local_steps, local_table, predicted_table, training_speeds
    from keras_vae.runs import open_data
    from keras_vae.training import compiled_model

    _print("Processes of this machine, a batch of 500 and a core each", local_table(list(local_steps((1, 2, 3, 4)))))
    data = open_data(config)
    (speed,) = training_speeds([config], data)
    weights = sum(math.prod(variable.shape) for variable in compiled_model(config, data).trainable_variables)
    step = config.batch_size / speed
    title = f"Predicted of {1000 * step:.1f} ms a step and {4 * weights / 1e6:.1f} MB of gradients"
    _print(title, predicted_table(step, config.batch_size, 4 * weights, critical_batch))


def _print(title: str, lines: Iterable[str]) -> None:
    print(f"\n{title}:\n", flush=True)
    for line in lines:
        print(line, flush=True)


COMMANDS = {
    "benchmark": Command(
        "Measure speed, scaling and memory on this machine, alone or beside other frameworks.",
        _add_benchmark,
        _benchmark,
    ),
}
