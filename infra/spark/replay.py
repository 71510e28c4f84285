"""Replays raw history into a table of its own: every stored event of a type once, typed anew.

  replay.py --type viewing_log --into analysis/viewing_history
  replay.py --type viewing_log --into analysis/viewing_history --from 2025-01-01 --to 2025-02-01
  replay.py --type hologram_log --schema "beam INT, seen_at TIMESTAMP" --into analysis/hologram_log

A type that the lake knows has the columns of its table, and the ledger says which receipts are its events. For a type
that the lake does not know (its events are in quarantine) --schema says the columns, and of an event_id that came
twice the first one counts. Without --from and --to the table is written anew; with them only that slice is replaced, so
that a slice may be done again. The lake's own tables are never written: they follow the ledger, and a type that was
defined later is loaded into them by POST /v1/quarantine/redrive.
"""

import argparse
import sys

from raw_zone import instant, raw_lines
from session import bucket, lake_path, open_session

LINEAGE = ("event_id", "received_at", "raw_batch", "raw_line", "_extra")
# Numbers are read as text and cast by way of a decimal: 120, 120.0, 1.2e2 and "120" are the same integer.
WHOLE = "DECIMAL(38, 9)"


def typed(name, data_type):
    """SQL for a column from `fields`, a map of the event's members as texts."""
    text = f"fields['{name}']"
    kind = data_type.simpleString()
    if kind in ("int", "bigint", "smallint", "tinyint"):
        return f"CAST(CAST({text} AS {WHOLE}) AS {kind}) AS `{name}`"
    if kind == "array<string>":
        return f"from_json({text}, 'ARRAY<STRING>') AS `{name}`"
    return f"CAST({text} AS {kind}) AS `{name}`"


def columns_of(session, table, schema):
    from pyspark.sql.types import StructType

    if schema:
        return StructType.fromDDL(schema)
    fields = session.read.format("delta").load(lake_path(table)).schema.fields
    return StructType([field for field in fields if field.name not in LINEAGE])


def table_of(session, type_name):
    """The lake table of a type, or None: the ledger knows."""
    ledger = session.read.format("delta").load(lake_path("ledger"))
    found = ledger.where((ledger.type == type_name) & (ledger.outcome == "stored")).select("table_name").limit(1).collect()
    return found[0].table_name if found else None


def receipts(session, type_name):
    """Raw batch and line of each stored event of a type."""
    ledger = session.read.format("delta").load(lake_path("ledger"))
    stored = ledger.where((ledger.type == type_name) & (ledger.outcome == "stored"))
    return stored.select(stored.raw_batch.alias("batch"), stored.raw_line.alias("line"))


def first_of_each(lines):
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    order = Window.partitionBy("event_id").orderBy("received_at", "batch", "line")
    return lines.withColumn("_rank", F.row_number().over(order)).where("_rank = 1").drop("_rank")


def replayed(session, type_name, schema=None, begin=None, end=None):
    """The frame of a type's events: its columns, lineage, and `_extra`, a map of members that are no column."""
    from pyspark.sql import functions as F

    table = None if schema else table_of(session, type_name)
    if table is None and not schema:
        raise SystemExit(f"the lake has no stored event of type {type_name}: give its columns by --schema")
    columns = columns_of(session, table, schema)
    lines = raw_lines(session, since=begin).where(F.col("type") == type_name)
    if begin is not None:
        lines = lines.where(F.col("received_at") >= F.lit(begin))
    if end is not None:
        lines = lines.where(F.col("received_at") < F.lit(end))
    if table:
        lines = lines.join(receipts(session, type_name), ["batch", "line"], "left_semi")
    else:
        lines = first_of_each(lines)
    envelope = [f"'{name}'" for name in ("type", "event_id")]
    names = ", ".join([f"'{column.name}'" for column in columns] + envelope)
    members = "IF(form = 'cloudevent', get_json_object(event, '$.data'), event)"
    return (
        lines.withColumn("fields", F.expr(f"from_json({members}, 'MAP<STRING, STRING>')"))
        .withColumn("_rest", F.expr(f"map_filter(fields, (name, value) -> name NOT IN ({names}))"))
        .selectExpr(
            *[typed(column.name, column.dataType) for column in columns],
            "event_id",
            "received_at",
            "batch AS raw_batch",
            "line AS raw_line",
            "IF(size(_rest) > 0, _rest, NULL) AS _extra",
        )
    )


def write(frame, path, begin, end):
    writer = frame.write.format("delta").mode("overwrite")
    if begin is None and end is None:
        writer.option("overwriteSchema", "true").save(path)
        return
    bounds = [f"received_at >= TIMESTAMP '{begin}'"] if begin else []
    bounds += [f"received_at < TIMESTAMP '{end}'"] if end else []
    writer.option("replaceWhere", " AND ".join(bounds)).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--type", required=True)
    parser.add_argument("--into", required=True, help="folder of the bucket, not below lake/ or raw/")
    parser.add_argument("--schema", help="columns as Spark's DDL")
    parser.add_argument("--from", dest="begin", type=instant, help="received at or after this day or instant, UTC")
    parser.add_argument("--to", dest="end", type=instant, help="received before this day or instant, UTC")
    given = parser.parse_args()
    if given.into.split("/")[0] in ("lake", "raw", "media", "files", ""):
        sys.exit(f"--into: expected a folder of your own, not {given.into}: the lake's tables follow the ledger alone")
    session = open_session(f"replay {given.type}")
    path = f"s3a://{bucket()}/{given.into}"
    write(replayed(session, given.type, given.schema, given.begin, given.end), path, given.begin, given.end)
    print(f"{session.read.format('delta').load(path).count()} rows are in {path}")
    session.stop()


if __name__ == "__main__":
    main()
