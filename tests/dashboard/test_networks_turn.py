"""Whose turn it is: a face that a newer stroke has replaced is never made."""

import threading
from types import SimpleNamespace

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests

from core.conversion.settings import ConversionSettings
from dashboard.shared import networks
from tests.dashboard.fake_page import FakePipeline, drawn


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> ScriptRequests:
    """What the browser has asked of this visitor's running page, in Streamlit's own hands."""
    asked = ScriptRequests()
    context = SimpleNamespace(script_requests=asked)
    monkeypatch.setattr(networks, "get_script_run_ctx", lambda **_: context)
    return asked


def test_without_anything_newer_the_face_is_made(pipeline: FakePipeline, requests: ScriptRequests):
    assert networks.generate(drawn().sketch, ConversionSettings()).photo is not None


def test_a_stroke_that_came_while_waiting_gives_the_turn_up(pipeline: FakePipeline, requests: ScriptRequests):
    with networks._turnstile():
        threading.Timer(0.05, requests.request_rerun, [RerunData(fragment_id="studio")]).start()
        with pytest.raises(networks.Superseded):
            networks.generate(drawn().sketch, ConversionSettings())
    assert not pipeline.calls
    assert networks._turnstile().acquire(timeout=1)
    networks._turnstile().release()


def test_a_stroke_that_came_before_the_turn_is_free_leaves_the_networks_alone(
    pipeline: FakePipeline, requests: ScriptRequests
):
    requests.request_rerun(RerunData(fragment_id="studio"))
    with pytest.raises(networks.Superseded):
        networks.generate(drawn().sketch, ConversionSettings())
    assert not pipeline.calls
