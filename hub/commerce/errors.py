"""What can be wrong with what a shop wrote about its products.

ValueError
├── BadValueError   one value: what is wrong, and what to write instead
└── CatalogError    a file: nothing of it was imported
"""

import msgspec


class BadValueError(ValueError):
    """A value that does not fit its place."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


class RowError(msgspec.Struct, frozen=True):
    """One fault of a file. Rows are counted as a spreadsheet does: the header is row 1."""

    row: int
    column: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.problem}; {self.remedy}"


class CatalogError(ValueError):
    """A file that cannot be imported, in one sentence; `rows` names every fault found in rows."""

    def __init__(self, message: str, rows: tuple[RowError, ...] = ()) -> None:
        super().__init__(message)
        self.rows = rows
