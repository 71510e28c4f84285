"""delta-rs (package deltalake): reads and writes a table by its path."""

import datetime
import decimal

import pyarrow
from deltalake import DeltaTable, write_deltalake

from rows import arrow

TYPES = {
    "string": pyarrow.string(),
    "long": pyarrow.int64(),
    "integer": pyarrow.int32(),
    "double": pyarrow.float64(),
    "timestamp": pyarrow.timestamp("us", tz="UTC"),
}


def arrow_type(name):
    if name.startswith("decimal"):
        precision, scale = name[len("decimal(") : -1].split(",")
        return pyarrow.decimal128(int(precision), int(scale))
    if name.startswith("list"):
        return pyarrow.list_(TYPES["string"])
    return TYPES[name]


def value_of(value, name):
    if value is None:
        return None
    if name == "timestamp":
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if name.startswith("decimal"):
        return decimal.Decimal(value)
    return int(value) if name in ("long", "integer") else value


def arrow_table(rows, columns):
    """columns: name to type; rows: objects with texts for longs, decimals and instants."""
    schema = pyarrow.schema([(name, arrow_type(kind)) for name, kind in columns.items()])
    return pyarrow.table(
        {name: [value_of(row.get(name), kind) for row in rows] for name, kind in columns.items()}, schema=schema
    )


def rows(path, version=None, options=None):
    return arrow(DeltaTable(path, version=version, storage_options=options).to_pyarrow_table())


def duckdb_rows(path, version=None):
    """DuckDB over the files that delta-rs lists; no file of these tables has a deletion vector."""
    import duckdb

    files = DeltaTable(path, version=version).file_uris()
    if not files:
        return []
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return arrow(connection.execute("FROM read_parquet($files, union_by_name = true)", {"files": files}).to_arrow_table())


def version(path):
    return DeltaTable(path).version()


def history(path):
    return [
        {"version": entry["version"], "operation": entry.get("operation"), "timestamp_ms": entry.get("timestamp")}
        for entry in DeltaTable(path).history()
    ]


def changes(path, start, end):
    return arrow(DeltaTable(path).load_cdf(starting_version=start, ending_version=end))


def protocol(path):
    found = DeltaTable(path).protocol()
    return [found.min_reader_version, found.min_writer_version]


def append(path, rows, columns):
    write_deltalake(path, arrow_table(rows, columns), mode="append")


def overwrite(path, rows, columns):
    write_deltalake(path, arrow_table(rows, columns), mode="overwrite")


def merge(path, rows, columns, key):
    source = arrow_table(rows, columns)
    merged = DeltaTable(path).merge(source, f"t.{key} = s.{key}", source_alias="s", target_alias="t")
    merged.when_matched_update_all().when_not_matched_insert_all().execute()


def delete(path, predicate):
    DeltaTable(path).delete(predicate)


def optimize(path):
    return DeltaTable(path).optimize.compact()["numFilesRemoved"]


def checkpoint(path):
    DeltaTable(path).create_checkpoint()


def add_column(path, name, kind):
    from deltalake import Field

    DeltaTable(path).alter.add_columns([Field(name, kind)])
