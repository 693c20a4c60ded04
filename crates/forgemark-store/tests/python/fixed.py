"""A table of the original with rows in its base, a batch of rows beside it, and deletions of both: fixed.py TABLE

prints the ids that the wheel lists.
"""

import datetime
import json
import sys

import lance
import pyarrow
from lance_context import Context

START = datetime.datetime(2030, 1, 1)

Context.create(sys.argv[1])
# Early versions wrote into the base, and merges do; the wheel itself writes only beside it.
dataset = lance.dataset(sys.argv[1])
row = {
    "run_id": "early",
    "role": "user",
    "lifecycle_status": "active",
    "content_type": "text/plain",
}
rows = [
    row
    | {
        "id": f"base-{n}",
        "external_id": f"base-{n}",
        "created_at": START - datetime.timedelta(seconds=1 + n),
        "text_payload": f"base {n}",
    }
    for n in range(3)
]
lance.write_dataset(pyarrow.Table.from_pylist(rows, dataset.schema), dataset, mode="append")

context = Context.create(sys.argv[1])
context.add_many(
    {
        "role": "user",
        "content": f"text {n}",
        "external_id": f"e{n}",
        "created_at": (START + datetime.timedelta(seconds=n)).isoformat() + "Z",
    }
    for n in range(12)
)
for name in ("e1", "base-1", "e9"):
    context.delete(external_id=name)
json.dump([row["id"] for row in context.list()], sys.stdout)
