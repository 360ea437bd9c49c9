"""Notes as HTML. What is written is Markdown; HTML in it is shown as it was typed, so nothing of it can run."""

from functools import cache

from markdown_it import MarkdownIt


def rendered(text: str) -> str:
    """Markdown as HTML: no HTML of its own, no pictures from elsewhere, no links that run something."""
    return _markdown().render(text) if text.strip() else ""


@cache
def _markdown() -> MarkdownIt:
    # "html: False" escapes tags; the library itself refuses javascript:, vbscript:, file: and data: links.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
