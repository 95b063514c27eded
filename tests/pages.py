"""What a page says, without its markup."""

from __future__ import annotations

import html
import re


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
