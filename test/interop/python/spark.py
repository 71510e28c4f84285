"""Apache Spark with Delta Lake's own jars: reads and writes a table by its path."""

import os

from rows import plain

SETTINGS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Small tables: what costs is to start, to compile and to schedule.
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
SQL_TYPES = {"string": "STRING", "long": "BIGINT", "integer": "INT", "timestamp": "TIMESTAMP", "double": "DOUBLE"}

_session = None


def session():
    global _session
    if _session is None:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2]")
        for name, value in {**SETTINGS, "spark.jars": os.environ["SLUICE_INTEROP_JARS"]}.items():
            builder = builder.config(name, value)
        _session = builder.getOrCreate()
        _session.sparkContext.setLogLevel("ERROR")
    return _session


def collected(frame):
    return [plain(row.asDict(recursive=True)) for row in frame.collect()]


def start():
    return session().version


def rows(path, version=None):
    reader = session().read.format("delta")
    return collected((reader if version is None else reader.option("versionAsOf", version)).load(path))


def version(path):
    return int(history(path)[0]["version"])


def history(path):
    found = session().sql(f"DESCRIBE HISTORY delta.`{path}`").collect()
    return [
        {
            "version": row["version"],
            "operation": row["operation"],
            "timestamp_ms": int(row["timestamp"].timestamp() * 1000),
            "engine": row["engineInfo"],
        }
        for row in found
    ]


def changes(path, start, end):
    reader = session().read.format("delta").option("readChangeFeed", "true")
    return collected(reader.option("startingVersion", start).option("endingVersion", end).load(path))


def frame(rows, columns):
    """A frame of rows given as texts, cast to the columns' types."""
    import json

    types = ", ".join(f"`{name}` {'ARRAY<STRING>' if kind == 'list' else 'STRING'}" for name, kind in columns.items())
    texts = session().createDataFrame([(json.dumps(row),) for row in rows], "line STRING")
    casts = [
        f"s.`{name}`" if kind == "list" else f"CAST(s.`{name}` AS {SQL_TYPES.get(kind, kind)}) AS `{name}`"
        for name, kind in columns.items()
    ]
    return texts.selectExpr(f"from_json(line, '{types}') AS s").selectExpr(*casts)


def append(path, rows, columns):
    frame(rows, columns).write.format("delta").mode("append").save(path)


def merge(path, rows, columns, key):
    frame(rows, columns).createOrReplaceTempView("source")
    session().sql(
        f"MERGE INTO delta.`{path}` t USING source s ON t.`{key}` = s.`{key}`"
        " WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
    )


def sql(text):
    return collected(session().sql(text))


def delete(path, predicate):
    session().sql(f"DELETE FROM delta.`{path}` WHERE {predicate}")


def optimize(path):
    return int(session().sql(f"OPTIMIZE delta.`{path}`").collect()[0]["metrics"]["numFilesRemoved"])


def add_column(path, name, kind):
    session().sql(f"ALTER TABLE delta.`{path}` ADD COLUMNS (`{name}` {SQL_TYPES[kind]})")


def checkpoint(path):
    jvm = session()._jvm
    none = jvm.scala.Option.empty()
    log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(session()._jsparkSession, path)
    log.checkpoint(log.update(False, none, none), none)
