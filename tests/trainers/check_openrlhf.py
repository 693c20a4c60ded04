"""OpenRLHF: rows through the data sets of its SFT, reward, DPO and RL trainers, with the settings that the export names."""

import importlib.metadata
import types

import common
from common import answers, expect, learned

old = importlib.metadata.version("openrlhf").startswith("0.8.")
checks = common.Checks("OpenRLHF (KTO, until 0.9)" if old else "OpenRLHF", "openrlhf", "transformers", "datasets", "torch")
tok = common.tokenizer()


def strategy(**data):
    options = types.SimpleNamespace(apply_chat_template=True, **data)
    arguments = options if old else types.SimpleNamespace(data=options)
    return types.SimpleNamespace(args=arguments, is_rank_0=lambda: True)


def sft(entry):
    from openrlhf.datasets import SFTDataset

    multiturn = "--data.multiturn" in entry["settings"]
    plan = strategy(input_key="input", output_key=None)
    data = SFTDataset(checks.load(entry), tok, 4096, plan, num_processors=1, multiturn=multiturn)
    expect(len(data) == len(entry["rows"]), f"{len(data)} rows")
    for number, row in enumerate(entry["rows"]):
        ids, _, mask = data[number]
        # A token is learned where the one before it has the mark.
        found = learned(tok, ids[0].tolist()[1:], mask[0].tolist()[:-1])
        wanted = answers(row["input"]) if multiturn else answers(row["input"])[-1:]
        expect(found == wanted, f"learned {found}, written {wanted}")
    data.collate_fn([data[0], data[1]])
    return "the loss mask is the answers" if multiturn else "the loss mask is the last answer"


def pairs(entry, is_dpo):
    from openrlhf.datasets import RewardDataset

    plan = strategy(prompt_key="prompt", chosen_key="chosen", rejected_key="rejected")
    data = RewardDataset(checks.load(entry), tok, 4096, plan, is_dpo=is_dpo, num_processors=1)
    expect(len(data) == len(entry["rows"]), f"{len(data)} rows")
    for number, row in enumerate(entry["rows"]):
        chosen, _, rejected, _, asked = data[number]
        for side, ids in (("chosen", chosen[0]), ("rejected", rejected[0])):
            text = tok.decode(ids, skip_special_tokens=True)
            expect(text.strip().endswith(answers(row[side])[0]), f"{side} is {text}")
        expect(not is_dpo or asked > 0, "the prompt is empty")
    data.collate_fn([data[0], data[1]])
    return "chosen and rejected as written"


def prompts(entry):
    from openrlhf.datasets import PromptDataset

    data = PromptDataset(checks.load(entry), tok, strategy(input_key="input", label_key="label"))
    for number, row in enumerate(entry["rows"]):
        source, asked, label, _ = data[number]
        expect(row["input"][-1]["content"] in asked, f"the prompt is {asked}")
        expect((source, label) == (row["datasource"], row["label"]), f"source and label are {source}, {label}")
    return "prompt, label and data source as written"


def kto(entry):
    from openrlhf.datasets import UnpairedPreferenceDataset

    plan = strategy(input_key="input", output_key="output", label_key="label")
    data = UnpairedPreferenceDataset(checks.load(entry), tok, 4096, plan, num_processors=1)
    expect(len(data) == len(entry["rows"]), f"{len(data)} rows")
    for number, row in enumerate(entry["rows"]):
        label = data.labels[number]
        expect(label == row["label"], f"the label is {label}")
        expect(answers(row["output"])[0] in data.responses[number], f"the answer is {data.responses[number]}")
    return "answer and label as written"


if old:
    for entry in checks.of("openrlhf", "labels"):
        checks.check("UnpairedPreferenceDataset", entry, lambda: kto(entry))
else:
    for entry in checks.of("openrlhf", "sft"):
        checks.check("SFTDataset", entry, lambda: sft(entry))
    for entry in checks.of("openrlhf", "pairs"):
        checks.check("RewardDataset", entry, lambda: pairs(entry, False))
        checks.check("RewardDataset (DPO)", entry, lambda: pairs(entry, True))
    for entry in checks.of("openrlhf", "rollout"):
        checks.check("PromptDataset", entry, lambda: prompts(entry))
checks.end()
