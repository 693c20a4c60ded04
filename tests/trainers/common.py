"""What the checks of all trainers share: the files, a tokenizer of bytes with a chat template, a model of a few thousand weights.

Nothing is fetched: the tokenizer knows the 256 bytes and the marks of ChatML, so that every text survives it exactly and a check
can read from the labels which answers are learned.
"""

import importlib.metadata
import json
import pathlib
import sys
import tempfile
import traceback

# As chat templates of today write it: reasoning before the answer, calls as JSON, marks of what the assistant said.
TEMPLATE = """{%- for message in messages %}
{%- if message.role not in ['system', 'user', 'assistant', 'tool'] %}{{ raise_exception('role ' ~ message.role) }}{% endif %}
{{- '<|im_start|>' + message.role + '\n' }}
{%- if message.role == 'assistant' %}{% generation %}
{%- if message.reasoning_content %}{{ '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{% endif %}
{{- message.content }}
{%- if message.tool_calls %}{% for call in message.tool_calls %}
{{- '<tool_call>' + call.function.name + ' ' }}
{%- if call.function.arguments is string %}{{ call.function.arguments }}{% else %}{{ call.function.arguments | tojson }}{% endif %}
{{- '</tool_call>' }}{% endfor %}{% endif %}
{{- '<|im_end|>' }}{% endgeneration %}
{%- else %}{{ message.content + '<|im_end|>' }}{% endif %}
{{- '\n' }}{% endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"""


def tokenizer():
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={byte: place for place, byte in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.decoder = decoders.ByteLevel()
    marks = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    core.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    made = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<|pad|>", eos_token="<|im_end|>")
    made.chat_template = TEMPLATE
    return made


def model(tokenizer, head="causal"):
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    if head == "score":
        config.num_labels = 1
        return transformers.LlamaForSequenceClassification(config)
    return transformers.LlamaForCausalLM(config)


def learned(tokenizer, ids, mask):
    """The texts that are learned, run by run."""
    runs, run = [], []
    for token, is_learned in zip(ids, mask):
        if is_learned:
            run.append(token)
        elif run:
            runs.append(run)
            run = []
    if run:
        runs.append(run)
    return [tokenizer.decode(run, skip_special_tokens=True).strip() for run in runs]


def said(message):
    """What an answer says to this template."""
    text = message.get("content") or ""
    if message.get("reasoning_content"):
        text = f"<think>\n{message['reasoning_content']}\n</think>\n\n{text}"
    for call in message.get("tool_calls") or []:
        arguments = call["function"]["arguments"]
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        text += f"<tool_call>{call['function']['name']} {arguments}</tool_call>"
    return text.strip()


def answers(messages, key="role", name="assistant"):
    return [said(message) for message in messages if message[key] == name]


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Checks:
    """Runs checks over the files of some formats and says what came of each."""

    def __init__(self, trainer, *packages):
        self.folder = pathlib.Path(sys.argv[1]).resolve()
        self.entries = json.loads((self.folder / "index.json").read_text(encoding="utf-8"))
        self.scratch = tempfile.mkdtemp(prefix="trainers-")
        self.failed = 0
        self.count = 0
        versions = {name: importlib.metadata.version(name) for name in packages}
        print("@" + json.dumps({"trainer": trainer, "versions": versions}), flush=True)

    def of(self, format, task, containers=("jsonl", "parquet")):
        """The sets of files that a trainer is given, each once in every container."""
        usual = {"jsonl": "none", "parquet": "zstd", "arrow": "none"}
        for entry in self.entries:
            container = entry["container"]
            wanted = container in containers and entry["compression"] == usual[container]
            if (entry["format"], entry["task"]) == (format, task) and wanted:
                yield entry

    def files(self, entry):
        return [str(self.folder / file) for file in entry["files"]]

    def load(self, entry):
        import datasets

        loader = {"jsonl": "json"}.get(entry["container"], entry["container"])
        files = self.files(entry)
        return datasets.load_dataset(loader, data_files=files, split="train", cache_dir=self.scratch)

    def check(self, way, entry, run):
        """`run` returns what it found, and raises where that is not what was written."""
        self.count += 1
        result = {
            "way": way,
            "files": entry["files"][0],
            "container": entry["container"],
            "rows": len(entry["rows"]),
        }
        try:
            result["found"] = run()
        except Exception as error:
            self.failed += 1
            traceback.print_exc()
            result["error"] = f"{type(error).__name__}: {error}"
        print("@" + json.dumps(result), flush=True)

    def end(self):
        print(f"{self.count} checks, {self.failed} failed", flush=True)
        sys.exit(self.failed > 0 or self.count == 0)
