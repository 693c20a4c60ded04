"""Axolotl: rows through the strategies that its configuration names, loaded as it loads them."""

import common
from common import answers, expect, learned

from axolotl.prompt_strategies import load
from axolotl.prompt_strategies.dpo import load as load_dpo
from axolotl.prompt_strategies.kto import load as load_kto
from axolotl.utils.data.shared import load_dataset_with_config
from axolotl.utils.dict import DictDefault

checks = common.Checks("Axolotl", "axolotl", "transformers", "datasets", "torch")
tok = common.tokenizer()


def settings(entry):
    pairs = (line.split(": ", 1) for line in entry["settings"])
    return {key: value for key, value in pairs if key != "rl"}


def configuration(entry):
    file = checks.files(entry)[0]
    ds_cfg = DictDefault({"path": file, "ds_type": {"jsonl": "json"}.get(entry["container"], entry["container"]), "split": "train"} | settings(entry))
    cfg = DictDefault({"sequence_len": 4096, "train_on_inputs": False, "datasets": [ds_cfg], "chat_template": "tokenizer_default"})
    return cfg, ds_cfg


def rows(entry, ds_cfg):
    data = load_dataset_with_config(ds_cfg, False, streaming=False)
    data = data["train"] if "train" in data else data
    expect(len(data) == len(entry["rows"]), f"{len(data)} rows")
    return data


def sft(entry):
    cfg, ds_cfg = configuration(entry)
    strategy = load(ds_cfg.type, tok, cfg, ds_cfg)
    for row, example in zip(entry["rows"], rows(entry, ds_cfg)):
        made = strategy.tokenize_prompt(example)
        found = learned(tok, made["input_ids"], [label != -100 for label in made["labels"]])
        kept = [message for message in row["messages"] if message.get("train") is not False]
        expect(found == answers(kept), f"learned {found}, written {answers(kept)}")
    return "labels are the answers that are learned"


def dpo(entry):
    cfg, ds_cfg = configuration(entry)
    transform, _ = load_dpo(ds_cfg.type, cfg)
    for row, example in zip(entry["rows"], rows(entry, ds_cfg)):
        made = transform(example, tokenizer=tok)
        for side in ("chosen", "rejected"):
            expect(made[side].startswith(row[side]["content"]), f"{side} is {made[side]}")
        for message in row["messages"]:
            expect(message["content"] in made["prompt"], f"the prompt is {made['prompt']}")
    return "prompt, chosen, rejected as written"


def kto(entry):
    cfg, ds_cfg = configuration(entry)
    transform = load_kto(ds_cfg.type, cfg)
    for row, example in zip(entry["rows"], rows(entry, ds_cfg)):
        wanted = [message["content"] for message in row["completion"]]
        made = transform(dict(example))
        expect(made["completion"].startswith(wanted[-1]), f"the answer is {made['completion']}")
        expect(all(text in made["prompt"] for text in wanted[:-1]), f"the prompt is {made['prompt']}")
        expect(made["label"] == row["label"], f"the label is {made['label']}")
    return "prompt, answer and label as written"


for task, run in (("sft", sft), ("pairs", dpo), ("labels", kto)):
    for entry in checks.of("axolotl", task):
        checks.check(settings(entry)["type"], entry, lambda: run(entry))
checks.end()
