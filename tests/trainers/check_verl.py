"""verl: rows through the data sets of its SFT and RL trainers."""

import common
from common import answers, expect, learned

from omegaconf import OmegaConf
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn

checks = common.Checks("verl", "verl", "transformers", "datasets", "torch")
tok = common.tokenizer()


def sft(entry):
    config = OmegaConf.create({"max_length": 4096, "truncation": "error", "pad_mode": "no_padding"})
    data = MultiTurnSFTDataset(checks.files(entry), tok, config)
    expect(len(data) == len(entry["rows"]), f"{len(data)} rows")
    for number, row in enumerate(entry["rows"]):
        made = data[number]
        found = learned(tok, made["input_ids"].tolist(), made["loss_mask"].tolist())
        wanted = answers(row["messages"])
        expect(found == wanted, f"learned {found}, written {wanted}")
    return "the loss mask is the answers"


def rl(entry):
    config = OmegaConf.create({"cache_dir": checks.scratch, "max_prompt_length": 4096, "filter_overlong_prompts_workers": 1})
    data = RLHFDataset(checks.files(entry), tok, config)
    expect(len(data) == len(entry["rows"]), f"{len(data)} rows")
    for number, row in enumerate(entry["rows"]):
        made = data[number]
        asked = tok.apply_chat_template(made["raw_prompt"], add_generation_prompt=True, tokenize=False)
        for message in row["prompt"]:
            expect(common.said(message) in asked, f"the prompt is {asked}")
        expect(made["reward_model"] == row["reward_model"], f"the reward model is {made['reward_model']}")
        expect(made["data_source"] == row["data_source"], f"the data source is {made['data_source']}")
        expect(made["index"] == row["extra_info"]["index"], f"the index is {made['index']}")
    batch = collate_fn([data[0], data[1]])
    expect(len(batch["raw_prompt"]) == 2, "a batch has two prompts")
    return "prompt, reward_model, data_source and index as written; a batch is made"


for entry in checks.of("verl", "sft", ("parquet",)):
    checks.check("MultiTurnSFTDataset", entry, lambda: sft(entry))
for entry in checks.of("verl", "rollout"):
    checks.check("RLHFDataset", entry, lambda: rl(entry))
checks.end()
