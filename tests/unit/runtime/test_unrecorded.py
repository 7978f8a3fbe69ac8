"""Traces that are sent nowhere have ids of their own all the same."""

import random

from lantoa_runtime.unrecorded import Unrecorded


def _ids():
    context = Unrecorded().start_span("once").get_span_context()
    return context.trace_id, context.span_id


def test_who_seeds_the_common_generator_gets_no_id_twice():
    state = random.getstate()
    try:
        random.seed(0)
        first = _ids()
        random.seed(0)
        assert set(_ids()).isdisjoint(first)
    finally:
        random.setstate(state)


def test_making_ids_leaves_the_common_generator_as_it_is():
    state = random.getstate()
    _ids()
    assert random.getstate() == state


def test_a_child_is_of_its_parents_trace():
    tracer = Unrecorded()
    with tracer.start_as_current_span("parent") as parent:
        child = tracer.start_span("child")
    assert child.get_span_context().trace_id == parent.get_span_context().trace_id
    assert child.get_span_context().span_id != parent.get_span_context().span_id
