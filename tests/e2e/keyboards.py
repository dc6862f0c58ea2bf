"""Keys as keyboards of other layouts send them."""

from __future__ import annotations

from playwright.sync_api import Page

CONTROL = 2  # of Chromium's modifiers
LAYOUTS = {  # what the keys A, S and D of a Latin keyboard give
    "hangul": "ㅁㄴㅇ",
    "cyrillic": "фыв",
    "input_method": ("Process", "Process", "Process"),
}


def press_at(page: Page, code: str, key: str, *, modifiers: int = 0) -> None:
    """Press the key at a place, which gives another character than on a Latin keyboard."""
    keys = page.context.new_cdp_session(page)
    event = {"key": key, "code": code, "windowsVirtualKeyCode": ord(code[-1]), "modifiers": modifiers}
    for kind in ("rawKeyDown", "keyUp"):
        keys.send("Input.dispatchKeyEvent", {"type": kind, **event})
    keys.detach()


def compose(page: Page, text: str) -> None:
    """Leave a text in the field as an input method does that has not ended it."""
    keys = page.context.new_cdp_session(page)
    keys.send(
        "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
    )
    keys.detach()
