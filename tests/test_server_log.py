from tests.server_log import errors_in

LEFT = """ERROR:    Exception in ASGI application
Traceback (most recent call last):
  File "a.py", line 516, in _websocket_endpoint
    data = await websocket.receive_bytes()
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
starlette.websockets.WebSocketDisconnected: WebSocket is not connected. Need to call "accept" first.

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 524, in _websocket_endpoint
    await websocket.close()
starlette.websockets.WebSocketDisconnected: Cannot call "send" once a close message has been sent.
"""
OURS = """Traceback (most recent call last):
  File "dashboard/views/draw/page.py", line 1, in show_page
    1 / 0
ZeroDivisionError: division by zero
"""


def test_a_visitor_who_left_is_no_error():
    assert errors_in(LEFT) == []


def test_an_error_of_ours_is_found_beside_it():
    assert errors_in(LEFT + OURS + LEFT) == ["ZeroDivisionError: division by zero"]


def test_a_traceback_without_an_end_counts():
    assert errors_in("Traceback (most recent call last):\n  File") == ["cut off"]


def test_a_quiet_log_is_fine():
    assert errors_in("2026 Uvicorn server started\n") == []
