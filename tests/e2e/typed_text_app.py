"""A page that shows hostile text in everything that takes Markdown."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import streamlit as st

from dashboard.shared.plain_text import as_code, as_text

TYPED = (
    "![p](http://evil.example/p.png) [Sign in](https://evil.example)",
    "https://evil.example www.evil.example mail@evil.example <http://evil.example>",
    "<img src=http://evil.example/p.png> <b>bold</b> &lt;i&gt; &copy;",
    ":red[red] :material/key: :smile: :red-badge[b] $x^2$ $$y$$",
    "**b** *i* _u_ __u__ ~~s~~ `c` ``d`` a_b_c a*b*c \\ \\*",
    "# head", "1. one", "- item", "+ item", "> quote", "---", "===", "| a | b |", "[x]: http://evil.example",
    "a->b <- c -- d >= e <= f ~= g", "표준_v1 Straße",
)  # fmt: skip

if __name__ == "__main__":
    for number, text in enumerate(TYPED):
        shown = as_text(text)
        with st.container(key=f"typed_{number}"):
            st.markdown(shown)
            st.caption(shown)
            st.error(shown)
            st.button(shown, key=f"button_{number}")
            st.pills(
                "Pills", [text], format_func=as_text, key=f"pills_{number}", label_visibility="collapsed"
            )
            st.expander(shown)
            st.markdown(as_code(text))
