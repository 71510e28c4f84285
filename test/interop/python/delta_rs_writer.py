"""
Takes {"path", "options", "writer", "columns", "steps"} on standard input, does the steps by delta-rs, and prints the ids of those
that committed. A step that another commit was in the way of is done again.
"""

import json
import sys

from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from delta_rs import arrow_table

MAX_TRIES = 500


def do(step, path, options, columns, properties):
    if step["kind"] == "append":
        rows = arrow_table(step["rows"], columns)
        write_deltalake(path, rows, mode="append", commit_properties=properties, storage_options=options)
        return True
    table = DeltaTable(path, storage_options=options)
    before = table.version()
    if step["kind"] == "merge":
        merged = table.merge(
            arrow_table(step["rows"], columns),
            "t.movie_id = s.movie_id",
            source_alias="s",
            target_alias="t",
            commit_properties=properties,
        )
        merged.when_matched_update_all().when_not_matched_insert_all().execute()
    elif step["kind"] == "delete":
        keys = ", ".join(f"'{key}'" for key in step["keys"])
        if not keys:
            return False
        table.delete(f"movie_id IN ({keys})", commit_properties=properties)
    else:
        table.optimize.compact(commit_properties=properties)
    return table.version() > before


def main():
    request = json.load(sys.stdin)
    committed = []
    for at, step in enumerate(request["steps"]):
        op = f"{request['writer']}/{at}"
        properties = CommitProperties(custom_metadata={"op": op}, max_commit_retries=0)
        for attempt in range(MAX_TRIES):
            try:
                if do(step, request["path"], request["options"], request["columns"], properties):
                    committed.append(op)
                break
            except CommitFailedError:
                if attempt == MAX_TRIES - 1:
                    raise
    print(json.dumps(committed))


main()
