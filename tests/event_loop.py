"""Wait for a coroutine in a test."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from anyio.from_thread import start_blocking_portal

T = TypeVar("T")


def wait_for(call: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """In a thread of its own: a browser test before this one leaves an event loop running in the main one."""
    with start_blocking_portal() as portal:
        return portal.call(call, *arguments)
