"""`delta_rs.py <folder> <part>`: one measurement by delta-rs, in a process of its own; prints JSON as ours.ts does."""

import datetime
import json
import os
import resource
import shutil
import sys
import time

import pyarrow
from deltalake import DeltaTable, write_deltalake

EVENTS, FILE_EVENTS = 1_000_000, 10_000
MOVIE_ROWS, CHANGED_ROWS = 1_000_000, 1_000
TINY_APPENDS = 1_000
INSTANT = pyarrow.timestamp("us", tz="UTC")
SCHEMA = pyarrow.schema(
    [
        ("event_id", pyarrow.string()),
        ("user_id", pyarrow.string()),
        ("movie_id", pyarrow.string()),
        ("watched_at", INSTANT),
        ("device", pyarrow.string()),
        ("duration_minutes", pyarrow.int32()),
        ("city", pyarrow.string()),
        ("country", pyarrow.string()),
        ("resolution", pyarrow.string()),
    ]
)

folder, part = sys.argv[1:3]


def path(name):
    return os.path.join(folder, "objects", "lake", name)


def parsed(first, files):
    """Events as dictionaries: what a program has in hand after parsing."""
    rows = []
    for file in range(first, first + files):
        with open(os.path.join(folder, "events", f"events-{file}.ndjson")) as lines:
            for line in lines:
                row = json.loads(line)
                row["watched_at"] = datetime.datetime.fromisoformat(row["watched_at"].replace("Z", "+00:00"))
                rows.append(row)
    return rows


def batches(files):
    table = path(f"rust-{files}")
    shutil.rmtree(table, ignore_errors=True)
    DeltaTable.create(table, SCHEMA, configuration={"delta.enableChangeDataFeed": "true"})
    spent = 0.0
    for first in range(0, EVENTS // FILE_EVENTS, files):
        rows = parsed(first, files)
        began = time.perf_counter()
        write_deltalake(table, pyarrow.Table.from_pylist(rows, schema=SCHEMA), mode="append")
        spent += time.perf_counter() - began
    return {"value": EVENTS / spent}


def tiny_appends():
    table = path("rust-tiny")
    shutil.rmtree(table, ignore_errors=True)
    delta = DeltaTable.create(table, SCHEMA, configuration={"delta.enableChangeDataFeed": "true"})
    batch = pyarrow.Table.from_pylist(parsed(0, 1)[:100], schema=SCHEMA)
    times = []
    for _ in range(TINY_APPENDS):
        began = time.perf_counter()
        write_deltalake(delta, batch, mode="append")
        times.append(time.perf_counter() - began)
    mean = lambda part: sum(part) / len(part)
    return {"value": 1 / mean(times), "first_ms": 1e3 * mean(times[:100]), "last_ms": 1e3 * mean(times[-100:])}


def seconds(work):
    began = time.perf_counter()
    work()
    return {"value": time.perf_counter() - began}


def checkpoint():
    table = DeltaTable(path("unchecked-rust"))
    return seconds(table.create_checkpoint)


def movies(name):
    shutil.rmtree(path(name), ignore_errors=True)
    shutil.copytree(path("movies"), path(name))
    return DeltaTable(path(name))


def delete():
    table = movies("rust-deleted")
    return seconds(lambda: table.delete(f"number % {MOVIE_ROWS // CHANGED_ROWS} = 7"))


def merge():
    import hashlib

    table = movies("rust-merged")
    at = datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc)
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
    numbers = [n for n in range(MOVIE_ROWS + 1_000) if n % (MOVIE_ROWS // CHANGED_ROWS) == 7]
    source = pyarrow.table(
        {
            "movie_id": [f"movie-{md5(str(n))}" for n in numbers],
            "title": [md5(str(n + 7)) * 3 for n in numbers],
            "rating": [n % 100 / 10 for n in numbers],
            "updated_at": pyarrow.array([at] * len(numbers), INSTANT),
            "event_id": [md5(f"e{n}") for n in numbers],
            "received_at": pyarrow.array([at] * len(numbers), INSTANT),
            "number": numbers,
        }
    )
    merged = table.merge(source, "t.movie_id = s.movie_id", source_alias="s", target_alias="t")
    return seconds(merged.when_matched_update_all().when_not_matched_insert_all().execute)


PARTS = {
    "batches-10k": lambda: batches(1),
    "batches-100k": lambda: batches(10),
    "tiny-appends": tiny_appends,
    "open-log": lambda: seconds(lambda: DeltaTable(path("log"))),
    "open-checkpoint": lambda: seconds(lambda: DeltaTable(path("checkpointed"))),
    "open-many": lambda: seconds(lambda: DeltaTable(path("many"))),
    "checkpoint": checkpoint,
    "delete": delete,
    "merge": merge,
}

measured = PARTS[part]()
measured["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
print(json.dumps(measured))
