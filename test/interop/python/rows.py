"""Rows as plain JSON, the same whichever engine read them: numbers as text, instants as UTC with six digits."""

import datetime
import decimal


def plain(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        utc = value.astimezone(datetime.timezone.utc) if value.tzinfo else value
        return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    raise TypeError(f"no plain form of {type(value)}")


def arrow(table):
    """Rows of a pyarrow table, or of anything with the Arrow stream interface."""
    import pyarrow

    whole = table if isinstance(table, pyarrow.Table) else pyarrow.table(table)
    return [plain(row) for row in whole.to_pylist()]
