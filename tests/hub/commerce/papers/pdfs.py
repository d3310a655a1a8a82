"""Reading a PDF back."""

import io

from pypdf import PdfReader


def pages(file: bytes) -> list[str]:
    """The text of each page, no-break spaces as blanks."""
    reader = PdfReader(io.BytesIO(file))
    return [page.extract_text().replace("\N{NO-BREAK SPACE}", " ") for page in reader.pages]
