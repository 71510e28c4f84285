"""The raw zone as a Spark frame: one row a raw line, as ingest made it durable.

A batch is an object raw/batches/<incarnation>/<number>.ndjson.zst; a pack of many is an object below raw/packs with
their frames one after the other. Both are zstd files to any reader: what tells batches apart is in skippable frames.
"""

from datetime import datetime

from session import bucket

SCHEMA = "batch STRING, line INT, event_id STRING, received_at TIMESTAMP, source STRING, type STRING, form STRING, event STRING"
# Members of a raw line in Spark's JSON; `event` is kept as the client's own text.
ENVELOPE = "batch STRING, line INT, event_id STRING, received_at STRING, source STRING, type STRING, form STRING, event STRING"
READ_BYTES = 8 * 1024 * 1024
ROWS_A_BATCH = 20_000


def raw_lines(session, since=None):
    """All raw lines of objects that changed at or after `since` (a line is in no object older than itself)."""
    from pyspark.sql import functions as F

    objects = (
        session.read.format("binaryFile")
        .option("recursiveFileLookup", "true")
        .option("pathGlobFilter", "*.ndjson.zst")
        .load([f"s3a://{bucket()}/raw/{folder}" for folder in _folders(session)])
    )
    if since is not None:
        objects = objects.where(F.col("modificationTime") >= F.lit(since))
    texts = objects.select("content").mapInArrow(_texts, "text STRING")
    parsed = texts.select(F.from_json("text", ENVELOPE).alias("raw")).select("raw.*")
    lines = parsed.withColumn("received_at", F.col("received_at").cast("timestamp"))
    # A batch may lie in two packs that processes made at the same time, and still be an object of its own.
    return lines.where("batch IS NOT NULL").dropDuplicates(["batch", "line"])


def _folders(session):
    """Those of packs and batches that are there."""
    root = session._jvm.org.apache.hadoop.fs.Path(f"s3a://{bucket()}/raw")
    files = root.getFileSystem(session._jsc.hadoopConfiguration())
    names = {status.getPath().getName() for status in files.listStatus(root) if status.isDirectory()}
    return sorted(names & {"packs", "batches"})


def _texts(batches):
    import pyarrow as pa

    def record(lines):
        return pa.RecordBatch.from_pydict({"text": pa.array(lines, pa.string())})

    for batch in batches:
        for content in batch.column("content"):
            lines = []
            for line in _lines(content.as_buffer()):
                lines.append(line)
                if len(lines) == ROWS_A_BATCH:
                    yield record(lines)
                    lines = []
            if lines:
                yield record(lines)


def _lines(buffer):
    import pyarrow as pa

    stream = pa.CompressedInputStream(pa.BufferReader(buffer), "zstd")
    rest = b""
    while True:
        block = stream.read(READ_BYTES)
        if not block:
            break
        *whole, rest = (rest + block).split(b"\n")
        # An erased event leaves an empty line, so that line numbers stay.
        yield from (line for line in whole if line)
    if rest:
        yield rest


def instant(text):
    """A day or an instant of a command line, in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
