"""LLaMA-Factory: every file through the trainer's own loading, alignment and tokenizing, with our dataset_info.json."""

import json
import pathlib

import common
from common import expect

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.hparams import DataArguments, ModelArguments, TrainingArguments

checks = common.Checks("LLaMA-Factory", "llamafactory", "transformers", "datasets", "torch")
STAGES = {"sft": "sft", "pairs": "rm", "labels": "kto"}
INFO = json.loads((checks.folder / "dataset_info.json").read_text(encoding="utf-8"))


def dataset(entry):
    """The data set as it is described, with the file of this container."""
    file = entry["files"][0]
    name = file.split(".")[0]
    folder = pathlib.Path(checks.scratch) / entry["container"] / name
    folder.mkdir(parents=True)
    (folder / file).write_bytes((checks.folder / file).read_bytes())
    described = {name: INFO[name] | {"file_name": file}}
    (folder / "dataset_info.json").write_text(json.dumps(described), encoding="utf-8")
    arguments = DataArguments(
        dataset=name,
        dataset_dir=str(folder),
        template="qwen",
        cutoff_len=4096,
        overwrite_cache=True,
        mask_history="mask_history: true" in entry["settings"],
    )
    tok = common.tokenizer()
    made = get_dataset(
        get_template_and_fix_tokenizer(tok, arguments),
        ModelArguments(model_name_or_path="none", cache_dir=checks.scratch),
        arguments,
        TrainingArguments(output_dir=checks.scratch, use_cpu=True, report_to="none"),
        STAGES[entry["task"]],
        tok,
    )["train_dataset"]
    expect(len(made) == len(entry["rows"]), f"{len(made)} rows, the others were dropped")
    return tok, made


def texts(tok, ids, labels):
    return [text for text in common.learned(tok, ids, [label != -100 for label in labels])]


def sft(entry):
    tok, made = dataset(entry)
    for row, example in zip(entry["rows"], made):
        found = texts(tok, example["input_ids"], example["labels"])
        wanted = [turn["value"] for turn in row["conversations"] if turn["from"] == "gpt"]
        calls = [turn for turn in row["conversations"] if turn["from"] == "function_call"]
        if "mask_history: true" in entry["settings"]:
            wanted = wanted[-1:]
        expect(len(found) == len(wanted) + len(calls), f"learned {found}, written {wanted} and {len(calls)} calls")
        for text in wanted:
            expect(any(text in one for one in found), f"learned {found}, written {wanted}")
        whole = tok.decode(example["input_ids"])
        expect(row["system"] in whole, "the system message is missing")
        for call in calls:
            expect(json.loads(call["value"])["name"] in whole, f"the call is missing: {whole}")
    return "labels are the answers, none dropped"


def pairs(entry):
    tok, made = dataset(entry)
    for row, example in zip(entry["rows"], made):
        for side in ("chosen", "rejected"):
            found = texts(tok, example[f"{side}_input_ids"], example[f"{side}_labels"])
            expect(len(found) == 1 and row[side]["value"] in found[0], f"{side} is {found}")
    return "chosen and rejected as written, none dropped"


def labels(entry):
    tok, made = dataset(entry)
    for row, example in zip(entry["rows"], made):
        expect(example["kto_tags"] == row["kto_tag"], f"the tag is {example['kto_tags']}")
        found = texts(tok, example["input_ids"], example["labels"])
        expect(row["conversations"][-1]["value"] in found[-1], f"learned {found}")
    return "tags and answers as written, none dropped"


for task, run in (("sft", sft), ("pairs", pairs), ("labels", labels)):
    for entry in checks.of("llama-factory", task):
        checks.check(f"get_dataset, stage {STAGES[task]}", entry, lambda: run(entry))
checks.end()
