"""Loads every file that `trainer_files` wrote, with the libraries that trainers use, and compares the values.

    python load.py FOLDER BUNDLES

Files go through `datasets` under the schema that was declared for them, and those of columns through `pyarrow` as well. A
row has to come back as it was written: the same keys with the same values and types; a key that other rows have and this one
lacks comes back as null, or not at all.

The bundles that `bundle_files` wrote go through `datasets` under the features that their own `schema.json` says. Every row has
every key, so a row has to come back exactly as it was written, nulls included.
"""

import json
import pathlib
import sys
import tempfile

import datasets
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

SCALARS = {"text": "string", "bool": "bool", "int": "int64", "float": "float64"}
ARROW = {
    "text": pyarrow.string(),
    "bool": pyarrow.bool_(),
    "int": pyarrow.int64(),
    "float": pyarrow.float64(),
    "json": pyarrow.json_(pyarrow.string()),
}
LOADERS = {"jsonl": "json", "parquet": "parquet", "arrow": "arrow"}


def feature(kind):
    """A declared type as a type of `datasets`."""
    if isinstance(kind, dict):
        return {name: feature(inner) for name, inner in kind.items()}
    if isinstance(kind, list):
        return datasets.List(feature(kind[0]))
    return datasets.Json() if kind == "json" else datasets.Value(SCALARS[kind])


def arrow_type(kind):
    """A declared type as a type of Arrow."""
    if isinstance(kind, dict):
        return pyarrow.struct([(name, arrow_type(inner)) for name, inner in kind.items()])
    if isinstance(kind, list):
        return pyarrow.list_(arrow_type(kind[0]))
    return ARROW[kind]


def without_nulls(kind, value):
    """A value as it was written: without the keys that only other rows have; JSON that stands as text as what it says."""
    if isinstance(kind, dict):
        return {
            name: without_nulls(inner, value[name])
            for name, inner in kind.items()
            if value.get(name) is not None
        }
    if isinstance(kind, list):
        return [without_nulls(kind[0], item) for item in value]
    if kind == "json" and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def differs(name, expected, found):
    if len(expected) != len(found):
        return f"{name}: {len(found)} rows instead of {len(expected)}"
    for number, (left, right) in enumerate(zip(expected, found), 1):
        # 1, 1.0 and True are equal to Python, and not to a trainer.
        if json.dumps(left, sort_keys=True) != json.dumps(right, sort_keys=True):
            return f"{name}: row {number} differs\n  written {left}\n  read    {right}"
    return None


def with_datasets(entry, files, cache):
    kind = entry["columns"]
    loaded = datasets.load_dataset(
        LOADERS[entry["container"]],
        data_files=files,
        split="train",
        features=datasets.Features(feature(kind)),
        cache_dir=cache,
    )
    if loaded.features != datasets.Features(feature(kind)):
        raise ValueError(f"the schema is {loaded.features}")
    return [without_nulls(kind, row) for row in loaded]


def with_pyarrow(entry, files):
    kind = entry["columns"]
    declared = pyarrow.schema([(name, arrow_type(inner)) for name, inner in kind.items()])
    rows = []
    for file in files:
        if entry["container"] == "parquet":
            table = pyarrow.parquet.read_table(file)
        else:
            with pyarrow.ipc.open_stream(file) as stream:
                table = stream.read_all()
        if not table.schema.equals(declared):
            raise ValueError(f"the schema is\n{table.schema}\n  and not\n{declared}")
        table.validate(full=True)
        rows += [without_nulls(kind, row) for row in table.to_pylist()]
    return rows


def schema_feature(schema, defs):
    """A type of a JSON Schema as a type of `datasets`. What is not strict is an error."""
    if "$ref" in schema:
        return schema_feature(defs[schema["$ref"].rsplit("/", 1)[1]], defs)
    if "anyOf" in schema:
        kind, null = schema["anyOf"]
        assert null == {"type": "null"}, schema
        return schema_feature(kind, defs)
    if schema["type"] == "array":
        return datasets.List(schema_feature(schema["items"], defs))
    if schema["type"] == "object":
        names = list(schema["properties"])
        assert schema["additionalProperties"] is False and schema["required"] == names, schema
        return {name: schema_feature(inner, defs) for name, inner in schema["properties"].items()}
    names = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool"}
    return datasets.Value(names[schema["type"]])


def bundle_differs(folder, cache):
    """What is wrong with a bundle, if anything is."""
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    features = datasets.Features(schema_feature(schema, schema["$defs"]))
    data = folder / manifest["data"]
    loaded = datasets.load_dataset(
        "json", data_files=str(data), split="train", features=features, cache_dir=cache
    )
    if loaded.features != features:
        return f"{folder.name}: the schema is {loaded.features}"
    with data.open(encoding="utf-8") as lines:
        expected = [json.loads(line) for line in lines]
    if len(expected) != manifest["rows"] or not expected:
        return f"{folder.name}: {len(expected)} rows, and the manifest says {manifest['rows']}"
    return differs(f"{folder.name} (datasets)", expected, list(loaded))


def main(folder, bundles):
    datasets.disable_progress_bars()
    entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    problems, loads = [], 0
    with tempfile.TemporaryDirectory() as cache:
        for entry in entries:
            files = [str(folder / file) for file in entry["files"]]
            expected = [without_nulls(entry["columns"], row) for row in entry["rows"]]
            ways = [("datasets", lambda: with_datasets(entry, files, cache))]
            if entry["container"] != "jsonl":
                ways.append(("pyarrow", lambda: with_pyarrow(entry, files)))
            for library, load in ways:
                name = f"{entry['files'][0]} ({library})"
                loads += 1
                try:
                    problem = differs(name, expected, load())
                except Exception as error:  # whatever a loader raises is what a trainer would meet
                    problem = f"{name}: {type(error).__name__}: {error}"
                if problem:
                    problems.append(problem)
        made = sorted(path.parent for path in bundles.glob("*/bundle.json"))
        for bundle in made:
            loads += 1
            try:
                problem = bundle_differs(bundle, cache)
            except Exception as error:  # as above
                problem = f"bundle {bundle.name}: {type(error).__name__}: {error}"
            if problem:
                problems.append(problem)
        if len(made) < 2:
            problems.append(f"{len(made)} bundles instead of 2")
    for problem in problems:
        print(problem)
    shapes = len({(entry["format"], entry["task"]) for entry in entries})
    print(
        f"loaders: {shapes} shapes, {len(entries)} sets of files, {len(made)} bundles, {loads} loads, {len(problems)} problems"
        f" (datasets {datasets.__version__}, pyarrow {pyarrow.__version__})"
    )
    return bool(problems) or loads == 0


if __name__ == "__main__":
    sys.exit(main(*map(pathlib.Path, sys.argv[1:3])))
