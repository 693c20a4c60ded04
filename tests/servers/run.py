#!/usr/bin/env python3
"""The binary and its client against servers of other people with a tiny model that is made here.

    run.py FORGEMARK SERVER_CHECKS FOLDER

`cargo xtask servers` makes the environment and both programs, and calls it. Everything is bound to the loopback address.
Prints a line for each check, and for what a server does not have; the first check that does not hold ends it.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import model
from recorder import Recorder

HERE = pathlib.Path(__file__).resolve().parent
MODEL = "follows-1"
KEY = "a-key-of-this-machine-only"
CONVERSATIONS = 2
DOCUMENT = """The blue valve of line three opens at four bar. Tighten its ring to nine newton metres, and never above ten.
The drive belt of the spool wears out within six weeks. Replace it before the red gauge moves below the mark.
The pump runs for eight hours. Clean its filter after each shift, and record the torque of every bolt by hand.
A worn idler leaks oil at the seal. Stop the line, hold the lock, and measure the load with the short gauge.
"""
# One slot, so that no call is begun whose conversation then has to begin again: the witness and the journal hold the same.
CONFIG = """run: {{total_samples: {conversations}, concurrency: 1, turns: {{min: 1, max: 2}}}}
documents: {{path: knowledge}}
judge: {{enabled: true, mode: online, granularity: turn}}
personas: {{enabled: true}}
llm:
  agents:
    user: {{model: {model}, base_url: "{url}/v1", api_key_env: CHECK_KEY, temperature: 1.0, max_tokens: {max_tokens}}}
    assistant: {{model: {model}, base_url: "{url}/v1", api_key_env: CHECK_KEY, temperature: 1.0, max_tokens: 4000}}
    judge: {{model: {model}, base_url: "{url}/v1", api_key_env: CHECK_KEY, temperature: 1.0, max_tokens: 2000}}
"""
# What a conversation may be dropped for; see docs. Nothing else may become of one than that or a whole row.
DROPS = {"dedup_exhausted", "parse_error", "model_error", "judge_reject", "budget"}


def hold(condition, what, found=""):
    if not condition:
        raise SystemExit(f"FAILED {what}\n{found}")


def held(what):
    print("ok", what, flush=True)


class Binary:
    def __init__(self, program, folder, url, max_tokens=2000):
        self.program, self.folder = program, folder
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "knowledge").mkdir(parents=True)
        (folder / "knowledge" / "line.txt").write_text(DOCUMENT * 4)
        config = CONFIG.format(conversations=CONVERSATIONS, model=MODEL, url=url, max_tokens=max_tokens)
        (folder / "c.yaml").write_text(config)

    def __call__(self, *args, expect=0):
        # Nothing of the caller's environment may decide: no proxies, no keys, no settings of its own.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "CHECK_KEY": KEY}
        done = subprocess.run(
            [self.program, *args], cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
        )
        said = f"{' '.join(args)}: exit {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        hold(done.returncode == expect, f"forgemark {args[0]}", said)
        hold(KEY not in done.stdout + done.stderr, "the key is not shown", said)
        return done.stdout

    def rows(self, name):
        return [json.loads(line) for line in (self.folder / "outputs" / name).read_text().split("\n") if line]


def doctor(binary):
    report = json.loads(binary("doctor", "c.yaml", "--json"))
    texts = [row["text"] for row in report["checks"] if row["check"] == "user"]
    hold(report["ok"] and any(f"lists {MODEL}" in text for text in texts), "doctor", report)
    hold(any("gave a token" in text for text in texts), "doctor asks for a token", report)
    held("doctor: the model is listed and gives a token")


def same_calls(binary, recorder, stopped=False):
    """The journal holds what the witness saw, call by call: bodies and tokens. A run that was stopped may have left a call."""
    calls = [json.loads(line) for line in binary("journal", "dump", "outputs", "--bodies").splitlines()]
    calls = [call for call in calls if call["kind"] == "call"]
    seen = recorder.chats()
    left = {came.decode() for _, came in seen} - {call["body"] for call in calls}
    hold(0 < len(calls) == len(seen) - len(left) and len(left) <= int(stopped), "the journal holds each reply", (len(calls), len(seen)))
    said = {came.decode(): json.loads(came) for _, came in seen}
    for call in calls:
        usage = said[call["body"]]["usage"]
        found = (call["prompt_tokens"], call["completion_tokens"], call["cached_tokens"])
        expected = (usage["prompt_tokens"], usage["completion_tokens"], (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
        hold(found == expected, "tokens of a call", (found, expected))
    held(f"the journal holds each of {len(calls)} replies, byte for byte, with the tokens that the server counted")
    return seen


def totals(rows):
    """Tokens of conversations by our rows."""
    usage = [row["forgemark"]["usage"] for row in rows]
    return sum(part["prompt_tokens"] for part in usage), sum(part["completion_tokens"] for part in usage)


def whole_rows(binary):
    """Every conversation is a whole one or has a typed reason; returns how many are whole."""
    whole = 0
    for row in binary.rows("conversations_index.jsonl"):
        standing = row["forgemark"]
        if standing["status"] == "completed":
            whole += 1
        else:
            hold(standing["status"] == "dropped" and standing["drop_reason"] in DROPS, "a dropped conversation says why", row)
    findings = binary("validate", "outputs")
    held(f"validate: {findings.strip().splitlines()[-1]}")
    return whole


def dialogue(program, folder, url, name):
    recorder = Recorder(url)
    binary = Binary(program, folder / name / "whole", recorder.url)
    doctor(binary)
    recorder.chats()
    binary("dialogue", "run", "c.yaml", "--max-failed", "40")
    whole = whole_rows(binary)
    hold(whole == CONVERSATIONS, "as many whole conversations as asked for", whole)
    held(f"dialogue: {whole} whole conversations, whose every word the server's model wrote")
    seen = same_calls(binary, recorder)
    usage = [json.loads(came)["usage"] for _, came in seen]
    expected = sum(part["prompt_tokens"] for part in usage), sum(part["completion_tokens"] for part in usage)
    found = totals(binary.rows("synthetic_qa.jsonl"))
    hold(found == expected, "tokens in the rows", (found, expected))
    held(f"the rows' tokens are the server's: {expected[0]} of prompts, {expected[1]} of replies")
    asked = {request["response_format"]["type"] for request, _ in seen if "response_format" in request}
    hold(asked == {"json_schema"}, "the form of replies that the server took", asked)
    binary("dialogue", "run", "c.yaml")
    hold(recorder.chats() == [], "a finished run asks nothing")
    held("a second command finds the run finished and asks nothing")

    # Replies that are always cut: typed failures, no row that trains, and the command says so.
    binary = Binary(program, folder / name / "cut", recorder.url, max_tokens=5)
    binary("dialogue", "run", "c.yaml", "--max-failed", "3", expect=1)
    hold(whole_rows(binary) == 0, "no cut reply makes a conversation")
    reasons = [row["forgemark"]["drop_reason"] for row in binary.rows("conversations_index.jsonl")]
    hold(len(reasons) >= 3 and set(reasons) == {"model_error"}, "cut replies are model errors", reasons)
    hold(binary.rows("conversations_sharegpt.jsonl") == [], "no cut reply is exported")
    lengths = {json.loads(came)["choices"][0]["finish_reason"] for _, came in same_calls(binary, recorder, stopped=True)}
    hold(lengths == {"length"}, "the server says that it cut them", lengths)
    held("replies cut at max_tokens are typed drops")


def started(command, log):
    """A server of ours to stop, and its address."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
    address = process.stdout.readline().strip()
    hold(address.startswith("http://127.0.0.1:"), f"{command[1]} is bound to the loopback address", address)
    return process, address


def client(checks, args):
    # No proxy stands between, whatever the caller's environment says.
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run([checks, *args], env=environment, stdin=subprocess.DEVNULL, timeout=600)
    hold(done.returncode == 0, f"the client: {' '.join(args)}")


def main():
    program, checks, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    gguf = folder / "follows.gguf"
    model.write(str(gguf))
    processes = []
    with open(folder / "servers.log", "w") as log:
        try:
            llama = [sys.executable, str(HERE / "llama.py")]
            chat, url = started([*llama, "chat", str(gguf), MODEL, KEY], log)
            processes.append(chat)
            embeddings, vectors = started([*llama, "embeddings", str(gguf), MODEL, KEY], log)
            processes.append(embeddings)
            print(f"== llama.cpp, chat completions at {url}, embeddings at {vectors}", flush=True)
            client(checks, ["openai", f"{url}/v1", MODEL, KEY, f"{vectors}/v1"])
            dialogue(program, folder, url, "llama")
            print(f"== llama.cpp, messages at {url}", flush=True)
            client(checks, ["anthropic", f"{url}/v1", MODEL, KEY])
        finally:
            for process in processes:
                process.stdin.close()
                try:
                    process.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    process.kill()


if __name__ == "__main__":
    begun = time.monotonic()
    main()
    print(f"servers: all checks held, {time.monotonic() - begun:.0f} s")
