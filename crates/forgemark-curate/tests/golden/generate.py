"""Writes the golden files beside it with the original's own wheel.

    python -m venv venv && venv/bin/pip install lance-context==0.6.7
    venv/bin/python generate.py

`records.jsonl` are the rows in the order of the original's list, `cases.json` the exports that were asked for, and
`NAME.jsonl`, `NAME.jsonl.manifest.json` and `NAME.jsonl.stats.json` what it wrote. Ids are new in each run.
"""

import datetime
import json
import math
import os
import pathlib
import shutil
import tempfile

from lance_context import Context

HERE = pathlib.Path(__file__).parent.resolve()
START = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)


def vector(n):
    """Vectors of eight numbers of which some are near others."""
    base = n % 7
    return [math.sin(base * 3.1 + k * 0.9) + 0.02 * math.sin(n * 1.7 + k * 2.3) for k in range(8)]


def rows():
    out = []

    def add(session, role, content, micros, **more):
        at = START + datetime.timedelta(microseconds=micros)
        out.append({"session_id": session, "role": role, "content": content, "created_at": at, "run_id": f"run-{session}", **more})

    for s in range(10):
        session = f"s{s}"
        scope = {"tenant": "acme" if s % 2 else None, "source": ["web", "chat", None][s % 3], "bot_id": "b" if s > 5 else None}
        scope = {key: value for key, value in scope.items() if value is not None}
        t = s * 10_000_000
        add(session, "system", "Be brief.", t, **scope)
        add(session, "user", f"Frage {s}: \"wie\" viel?\n\té\u0001\u007f\U0001f600", t + 1_000_000, embedding=vector(s), external_id=f"doc-{s // 2}#q{s}", **scope)
        # Candidates in reverse order of time.
        rewards = [0.9, 0.1 * s, 1e-7, 5, -2, 1e16, 0.30000000000000004]
        for c in range(3):
            meta = {"reward": rewards[(s + c) % 7], "reward_source": ["verifier", "judge"][c % 2]}
            if s % 4 == 1:
                meta["rank"] = (c + s) % 3 + 1
            if s % 4 == 2:
                meta["label"] = ["chosen", "rejected", "neither"][c]
            if s % 4 == 3:
                meta = {"reward": "0.9", "group_id": f"g{s}"}
            state = {"tokens_used": 10 * c + s} if c != 1 else None
            more = {"state_metadata": state} if state else {}
            add(session, "Assistant" if s == 4 else "assistant", f"Antwort {c} der Sitzung {s}", t + 5_000_000 - c * 1_500, metadata=meta,
                embedding=vector(s * 3 + c + 20), **more, **scope)
        if s % 3 == 0:
            add(session, "tool", '{"x": 1}', t + 6_000_000, **scope)
            add(session, "user", "danke", t + 6_500_120, embedding=vector(3), lifecycle_status="contradicted" if s == 6 else None, **scope)
    return out


CASES = {
    "sft": {},
    "sft_reward": {"min_reward": 0.5, "emit_stats": True},
    "sft_none": {"group_by": "none", "emit_stats": True},
    "sft_prefix": {"group_by": "external_id_prefix:#", "emit_stats": True},
    "sft_source": {"group_by": "source", "filters": {"role": "user"}, "emit_stats": True},
    "sft_dedup": {"dedup_threshold": 0.001, "emit_stats": True},
    "sft_dedup_wide": {"dedup_threshold": 0.05, "min_reward": 0.2},
    "sft_clean": {"dedup_threshold": 0.0005, "decontaminate_against": [vector(3), vector(24)], "decontaminate_threshold": 0.001, "emit_stats": True},
    "paired": {"task": "preference", "emit_stats": True},
    "unpaired": {"task": "preference", "preference_form": "unpaired", "min_reward": 0.05, "emit_stats": True},
    "ranked": {"task": "preference", "preference_form": "ranked", "emit_stats": True},
    "rollout": {"task": "rollout", "emit_stats": True},
    "split": {"split": {"eval_fraction": 0.4, "by": "session_id", "seed": 12}, "emit_stats": True},
    "split_tenant": {"task": "rollout", "split": {"eval_fraction": 0.5, "by": "tenant", "seed": 5}},
}


def main():
    for old in HERE.glob("*.json*"):
        old.unlink()
    os.chdir(tempfile.mkdtemp())
    context = Context.create("ctx.lance", embedding_dim=8)
    context.add_many([{key: value for key, value in row.items() if value is not None} for row in rows()])
    keys = ["id", "external_id", "run_id", "bot_id", "session_id", "tenant", "source", "created_at", "role", "state_metadata", "metadata",
            "lifecycle_status", "content_type", "text_payload", "embedding"]
    with open(HERE / "records.jsonl", "w", encoding="utf-8") as out:
        for row in context.list():
            row = {**row, "text_payload": row.get("text_payload", row.get("text"))}
            record = {key: row[key] for key in keys if row.get(key) is not None}
            for key, value in record.items():
                if isinstance(value, datetime.datetime):
                    record[key] = value.isoformat().replace("+00:00", "Z")
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
    for name, case in CASES.items():
        context.export_training(f"{name}.jsonl", **case)
    for path in pathlib.Path().glob("*.jsonl*"):
        shutil.copy(path, HERE)
    (HERE / "cases.json").write_text(json.dumps(CASES, indent=1) + "\n")


main()
