"""The rows of a table of ours as other programs read them: interop.py TABLE

prints an object with a list of records in our JSON form for each program.
"""

import base64
import datetime
import json
import sys

import datafusion
import duckdb
import lance

EPOCH = datetime.datetime(1970, 1, 1)


def instant(value):
    # Some programs give instants with a zone, which is UTC.
    value = value.replace(tzinfo=None)
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(value):
    """Without nulls in structs."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def record(row):
    row = {k: plain(v) for k, v in row.items() if v is not None and k != "ordinal"}
    for key, value in row.items():
        if isinstance(value, datetime.datetime):
            row[key] = instant(value)
        elif isinstance(value, (bytes, bytearray, memoryview)):
            row[key] = base64.b64encode(bytes(value)).decode()
        elif key in ("metadata", "message"):
            row[key] = json.loads(value)
    return row


dataset = lance.dataset(sys.argv[1])
everything = dataset.to_table()
connection = duckdb.connect()
connection.execute("SET TimeZone = 'UTC'")
context = datafusion.SessionContext()
provider = lance.FFILanceTableProvider(dataset, with_row_id=False, with_row_addr=False)
context.register_table("records", provider)
tables = {
    "lance": everything.sort_by("ordinal"),
    "duckdb": connection.sql("SELECT * FROM everything ORDER BY ordinal").to_arrow_table(),
    "datafusion": context.sql("SELECT * FROM records ORDER BY ordinal").to_arrow_table(),
}
rows = {name: [record(row) for row in table.to_pylist()] for name, table in tables.items()}
counts = connection.sql("SELECT role, count(*) FROM everything GROUP BY role ORDER BY role")
json.dump({"rows": rows, "roles": dict(counts.fetchall())}, sys.stdout)
