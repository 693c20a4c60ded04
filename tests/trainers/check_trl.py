"""TRL: every file through the trainer of its task, and one step of training."""

import os

import common
from common import answers, expect, learned

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["ACCELERATE_USE_CPU"] = "true"

import trl  # noqa: E402

checks = common.Checks("TRL", "trl", "transformers", "datasets", "torch")
tok = common.tokenizer()


def arguments(kind, **more):
    return kind(
        output_dir=checks.scratch,
        report_to="none",
        max_steps=1,
        per_device_train_batch_size=2,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        **more,
    )


def stepped(trainer):
    loss = trainer.train().training_loss
    expect(loss == loss and abs(loss) != float("inf"), f"the loss is {loss}")
    return loss


def sft(entry):
    data = checks.load(entry)
    conversational = "messages" in data.column_names
    config = arguments(trl.SFTConfig, max_length=4096, assistant_only_loss=conversational)
    trainer = trl.SFTTrainer(common.model(tok), args=config, train_dataset=data, processing_class=tok)
    prepared = trainer.train_dataset
    expect(len(prepared) == len(entry["rows"]), f"{len(prepared)} rows")
    for row, made in zip(entry["rows"], prepared):
        found = learned(tok, made["input_ids"], [label != -100 for label in made["labels"]])
        wanted = answers(row["messages"] if conversational else row["completion"])
        expect(found == wanted, f"learned {found}, written {wanted}")
    return f"labels are the answers; one step, loss {stepped(trainer):.3f}"


def dpo(entry):
    config = arguments(trl.DPOConfig, max_length=4096)
    trainer = trl.DPOTrainer(
        common.model(tok), ref_model=common.model(tok), args=config, train_dataset=checks.load(entry), processing_class=tok
    )
    prepared = trainer.train_dataset
    expect(len(prepared) == len(entry["rows"]), f"{len(prepared)} rows")
    for row, made in zip(entry["rows"], prepared):
        for side in ("chosen", "rejected"):
            found = tok.decode(made[f"{side}_ids"], skip_special_tokens=True).strip()
            expect([found] == answers(row[side]), f"{side} is {found}")
        asked = tok.decode(made["prompt_ids"], skip_special_tokens=True)
        expect(row["prompt"][-1]["content"] in asked, f"the prompt is {asked}")
    return f"prompt, chosen, rejected as written; one step, loss {stepped(trainer):.3f}"


def kto(entry):
    config = arguments(trl.KTOConfig, max_length=4096)
    trainer = trl.KTOTrainer(
        common.model(tok), ref_model=common.model(tok), args=config, train_dataset=checks.load(entry), processing_class=tok
    )
    labels = sorted(trainer.train_dataset["label"])
    expect(labels == sorted(row["label"] for row in entry["rows"]), f"the labels are {labels}")
    return f"labels as written; one step, loss {stepped(trainer):.3f}"


def reward(entry):
    config = arguments(trl.RewardConfig, max_length=4096)
    trainer = trl.RewardTrainer(
        common.model(tok, "score"), args=config, train_dataset=checks.load(entry), processing_class=tok
    )
    prepared = trainer.train_dataset
    expect(len(prepared) == len(entry["rows"]), f"{len(prepared)} rows")
    for row, made in zip(entry["rows"], prepared):
        for side in ("chosen", "rejected"):
            found = tok.decode(made[f"{side}_ids"], skip_special_tokens=True)
            expect(answers(row[side])[-1] in found, f"{side} is {found}")
    return f"conversations as written; one step, loss {stepped(trainer):.3f}"


def grpo(entry):
    truths = {row["ground_truth"] for row in entry["rows"]}
    seen = []

    def score(completions, ground_truth, **_):
        seen.extend(ground_truth)
        return [float(number) for number in range(len(completions))]

    config = arguments(trl.GRPOConfig, max_completion_length=8, num_generations=2)
    trainer = trl.GRPOTrainer(
        common.model(tok), reward_funcs=score, args=config, train_dataset=checks.load(entry), processing_class=tok
    )
    loss = stepped(trainer)
    expect(seen and set(seen) <= truths, f"the reward function saw {seen}")
    return f"the reward function is given ground_truth; one step, loss {loss:.3f}"


for entry in checks.of("trl", "sft", ("jsonl", "parquet", "arrow")):
    checks.check("SFTTrainer", entry, lambda: sft(entry))
for entry in checks.of("trl", "pairs"):
    checks.check("DPOTrainer", entry, lambda: dpo(entry))
for entry in checks.of("trl", "labels"):
    checks.check("KTOTrainer", entry, lambda: kto(entry))
for entry in checks.of("trl-reward", "pairs"):
    checks.check("RewardTrainer", entry, lambda: reward(entry))
for entry in checks.of("trl", "rollout"):
    checks.check("GRPOTrainer", entry, lambda: grpo(entry))
checks.end()
