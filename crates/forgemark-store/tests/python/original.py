"""Random operations of the original's wheel on a table, and what the wheel then says of it.

original.py TABLE SEED OPERATIONS
prints one JSON object: the lists, gets and searches of the wheel, with records in our JSON form.
"""

import base64
import datetime
import json
import random
import shutil
import sys

from lance_context import Context

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(UTC)
WORDS = "the quick brown fox jumps over a lazy dog Größe 東京 été don't x_1".split()
DIMENSIONS = 4
METRICS = ("l2", "cosine", "dot")


def instant(value):
    if value is None:
        return None
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def record(row):
    """A record of the wheel in our JSON form: our names, and nothing that is null or empty."""
    state = {k: v for k, v in (row["state_metadata"] or {}).items() if v is not None}
    binary = row["binary"]
    ours = {k: row[k] for k in row if k in SAME}
    ours |= {k: instant(row[k]) for k in ("created_at", "expires_at", "retired_at")}
    ours |= {
        "state_metadata": state or None,
        "text_payload": row["text"],
        "binary_payload": None if binary is None else base64.b64encode(bytes(binary)).decode(),
        "relationships": [
            {k: v for k, v in edge.items() if v is not None} for edge in row["relationships"]
        ],
    }
    return {k: v for k, v in ours.items() if v is not None}


SAME = {
    "id", "external_id", "run_id", "bot_id", "session_id", "tenant", "source", "role", "metadata",
    "retention_policy", "lifecycle_status", "retired_reason", "supersedes_id", "superseded_by_id",
    "content_type", "payload_uri", "payload_size", "payload_checksum", "embedding",
}


class Driver:
    def __init__(self, table, seed):
        self.random = random.Random(seed)
        self.table = table
        self.metric = METRICS[seed % len(METRICS)]
        self.open()
        self.done = {}

    def open(self):
        self.context = Context.create(
            self.table, embedding_dim=DIMENSIONS, distance_metric=self.metric
        )

    def maybe(self, make, chance=0.5):
        return make() if self.random.random() < chance else None

    def text(self):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(0, 6)))

    def vector(self):
        if self.random.random() < 0.1:
            return [0.0] * DIMENSIONS
        return [self.random.uniform(-2, 2) for _ in range(DIMENSIONS)]

    def when(self):
        # Few distinct instants, so that many are equal.
        return (NOW - self.random.randint(1, 5) * DAY).isoformat()

    def expiry(self):
        return (NOW + self.random.choice((-2, 2)) * DAY).isoformat()

    def external(self):
        return f"e{self.random.randint(0, 14)}"

    def known_id(self):
        rows = self.context.list(include_retired=True, include_expired=True)
        return self.random.choice(rows)["id"] if rows else "none"

    def json(self, depth=2):
        kinds = [
            lambda: None,
            lambda: self.random.random() < 0.5,
            lambda: self.random.randint(-(2**40), 2**40),
            lambda: self.random.uniform(-1e6, 1e6),
            self.text,
        ]
        if depth:
            kinds.append(lambda: [self.json(depth - 1) for _ in range(self.random.randint(0, 3))])
            kinds.append(lambda: {w: self.json(depth - 1) for w in self.random.sample(WORDS, 2)})
        return self.random.choice(kinds)()

    def metadata(self):
        return {"reward": self.random.random(), self.random.choice(WORDS): self.json()}

    def edges(self):
        edge = lambda: {
            "target_id": self.external(),
            "relation": self.random.choice(("answers", "cites")),
        } | self.random.choice(({}, {"weight": 0.25}, {"weight": self.random.random()}))
        return [edge() for _ in range(self.random.randint(0, 3))]

    def patchable(self):
        pick = self.maybe
        return dict(
            bot_id=pick(lambda: self.random.choice("bc")),
            session_id=pick(lambda: f"s{self.random.randint(0, 3)}"),
            tenant=pick(lambda: "t", 0.3),
            source=pick(lambda: "web", 0.3),
            metadata=pick(self.metadata),
            relationships=pick(self.edges, 0.3),
            expires_at=pick(self.expiry, 0.2),
            retention_policy=pick(lambda: "short", 0.1),
            payload_uri=pick(lambda: "s3://b/k", 0.1),
            payload_size=pick(lambda: self.random.randint(0, 2**40), 0.1),
            payload_checksum=pick(lambda: "sha256:00", 0.1),
            embedding=pick(self.vector, 0.6),
        )

    def fields(self):
        pick = self.maybe
        return self.patchable() | dict(
            role=self.random.choice(("user", "assistant", "system", "tool")),
            content=self.random.choice((self.text, lambda: self.random.randbytes(9)))(),
            external_id=pick(self.external, 0.7),
            created_at=pick(self.when, 0.7),
            state_metadata=pick(lambda: {"step": self.random.randint(0, 9)}, 0.3),
            retired_at=pick(self.when, 0.05),
            lifecycle_status=pick(lambda: self.random.choice(("contradicted", "odd")), 0.05),
            supersedes_id=pick(self.known_id, 0.05),
            superseded_by_id=pick(lambda: "someone", 0.05),
        )

    def upserted(self, number):
        fields = self.fields() | {"external_id": f"e{number}"}
        # The wheel has no such arguments there: it writes the edges itself.
        del fields["supersedes_id"], fields["superseded_by_id"]
        return fields

    def key(self):
        if self.random.random() < 0.5:
            return {"id": self.known_id()}
        return {"external_id": self.external()}

    def operations(self):
        return {
            "add": lambda: self.context.add(**self.fields()),
            "add_many": lambda: self.context.add_many(
                [self.fields() for _ in range(self.random.randint(1, 4))]
            ),
            "upsert": lambda: self.context.upsert(**self.upserted(self.random.randint(0, 14))),
            "upsert_many": lambda: self.context.upsert_many(
                [self.upserted(number) for number in self.random.sample(range(15), 3)]
            ),
            "update": lambda: self.context.update(**self.key(), **self.patchable()),
            "retire": lambda: self.context.update(
                **self.key(), retired_at=self.when(), retired_reason="old"
            ),
            "contradict": lambda: self.context.update(
                **self.key(), lifecycle_status="contradicted"
            ),
            "delete": lambda: self.context.delete(**self.key()),
            "compact": lambda: self.context.compact(),
            "reopen": self.open,
        }

    def run(self, count):
        operations = self.operations()
        names = list(operations)
        backup = self.table + ".backup"
        for _ in range(count):
            name = self.random.choice(names + ["add", "upsert", "update"])
            shutil.copytree(self.table, backup)
            try:
                operations[name]()
            except RuntimeError:
                # Refused: a duplicate key, or nothing to change. The table is as it was.
                name += " refused"
            if not self.lists():
                shutil.rmtree(self.table)
                shutil.copytree(backup, self.table)
                self.open()
                name += " taken back"
            shutil.rmtree(backup)
            self.done[name] = self.done.get(name, 0) + 1

    def lists(self):
        """Whether the wheel can list its own table, which its storage layer sometimes refuses after the table was opened again
        and rows were written."""
        try:
            self.context.list()
            return True
        except RuntimeError as error:
            assert "from_sorted_iter" in str(error), error
            return False

    def hit(self, row):
        return {
            "id": row["id"],
            "distance": row.get("distance", row.get("vector_distance")),
            "text_score": row.get("text_score"),
            "score": row.get("score"),
        }

    def report(self):
        context = self.context
        lists = []
        for expired in (False, True):
            for retired in (False, True):
                options = dict(include_expired=expired, include_retired=retired)
                rows = context.list(**options)
                lists.append(options | {"rows": [record(row) for row in rows]})
        searches = []
        for text, vector in ((None, True), (True, None), (True, True)):
            text = text and " ".join(self.random.choices(WORDS, k=3))
            vector = vector and [self.random.uniform(-1, 1) for _ in range(DIMENSIONS)]
            rows = context.retrieve(text=text, vector=vector, limit=12)
            searches.append(
                {"text": text, "vector": vector, "hits": [self.hit(row) for row in rows]}
            )
        related = context.related("e1", "cites")
        gets = {}
        for n in range(15):
            row = context.get(external_id=f"e{n}")
            gets[f"e{n}"] = row and record(row)
        return {
            "metric": self.metric,
            "operations": self.done,
            "version": context.version(),
            "lists": lists,
            "gets": gets,
            "searches": searches,
            "related": [row["id"] for row in related],
        }


table, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
driver = Driver(table, seed)
driver.run(count)
json.dump(driver.report(), sys.stdout)
