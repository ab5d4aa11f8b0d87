"""What a training step's time goes to is added up from TensorFlow's profile, and nothing is counted twice."""

from types import SimpleNamespace

import pytest

from keras_vae.benchmark.operations import OTHERS, kind_of, operation_table, seconds_by_kind


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("_MklNativeConv2DBackpropInput", "convolutions"),
        ("_MklNativeFusedMatMul", "matrix products"),
        ("BiasAddGrad", "bias and activation"),
        ("AssignAddVariableOp", "the optimizer"),
        ("_XlaRun", "compiled by XLA"),
        ("Mul", OTHERS),
        ("StatefulPartitionedCall", None),
        ("StatelessWhile", None),
    ],
)
def test_an_operation_has_the_kind_of_its_type_unless_it_waits_for_others(operation, kind):
    assert kind_of(operation) == kind


def test_only_operations_of_the_processor_are_counted():
    names = ["a/b:MatMul", "a/c:Mul", "Iterator::Prefetch::Map", "ExecutorState::Process", "a/d:PartitionedCall"]
    events = [SimpleNamespace(metadata_id=number, duration_ps=10**9) for number in range(len(names))]
    plane = SimpleNamespace(
        name="/host:CPU",
        lines=[SimpleNamespace(events=events), SimpleNamespace(events=events[:1])],
        event_metadata={number: SimpleNamespace(name=name) for number, name in enumerate(names)},
    )
    other = SimpleNamespace(name="Task Environment", lines=plane.lines, event_metadata=plane.event_metadata)
    found = seconds_by_kind(SimpleNamespace(planes=[plane, other]))
    assert found == pytest.approx({"matrix products": 2e-3, OTHERS: 1e-3})
    *_, row = operation_table(iter([("default", "this project", found)]))
    assert row == "| default | this project | 0.0 | 2.0 | 0.0 | 0.0 | 0.0 | 1.0 | 3.0 |"
