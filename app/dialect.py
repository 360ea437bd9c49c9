"""How a delimited file is written: settled once, when it is taken in, and handed to whoever reads it afterwards."""

from pydantic import BaseModel, ConfigDict

from app.spellings import MISSING_WORDS, is_numeric

__all__ = ["MISSING_WORDS", "Dialect"]


class Dialect(BaseModel):
    """A file of records separated by line ends, in UTF-8, without blank lines; quotes are doubled to be literal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: str
    quote: str  # empty: quotes are ordinary characters
    has_header: bool
    columns: list[str]  # from the header, or column0, column1, …
    num_rows: int  # records without the header
    longest_record: int  # in bytes
    decimal: str = "."  # what stands before the fraction of a number
    thousands: str = ""  # what stands between the thousands of a number; empty: nothing does
    types: dict[str, str] = {}  # of columns whose type was said: all cells fit it

    def plain_number(self, cell: str) -> str:
        """A cell with a point before its fraction, if it is a number in this dialect's way."""
        if self.decimal == "." and not self.thousands:
            return cell
        plain = cell.replace(self.thousands, "") if self.thousands else cell
        plain = plain.replace(self.decimal, ".")
        return plain if is_numeric(plain) else cell
