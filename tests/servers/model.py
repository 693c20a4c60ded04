"""Writes a tiny language model: one that knows which token follows which, and nothing else.

    model.py FILE.gguf

The embedding of a token is a unit vector of its own, the only block adds nothing, and the output matrix holds the logarithm of
how often each token follows each other one. So the file is an ordinary model of llama's architecture, small enough to be made
here, whose sampled text is a walk over the table below. Under a grammar (JSON mode, schemas, tool calls) it writes
what the grammar demands, with words of this list as text.
"""

import sys

import gguf
import numpy

WORDS = """which what when where how why does must should can the a this that each one no belt drive idler spool bolt lock ring
gauge panel valve pump filter torque limit load speed weight hour week month shift line check replace tighten clean measure record
stop start hold turn before after while until between above below with without under over from into and or but if then of for at
in on by is are was be has needs takes holds runs fails wears leaks moves blue red short long worn new old three four five six
seven eight nine ten""".split()
SPECIAL = ["<|end|>", "<|turn|>"]
TOOL = ["<tool_call>", "</tool_call>"]
TEMPLATE = """{%- if tools %}<|turn|>system
Tools:
{% for tool in tools %}{{ tool | tojson }}
{% endfor %}Call one with <tool_call>{"name": "...", "arguments": {...}}</tool_call>
{% endif %}
{%- for message in messages %}<|turn|>{{ message.role }}
{{ message.content or '' }}
{%- for call in message.tool_calls or [] -%}
<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>
{%- endfor %}<|end|>
{% endfor %}
{%- if add_generation_prompt %}<|turn|>assistant
{% endif %}"""


def byte_names():
    """How byte-pair vocabularies write each byte: printable ones as themselves, the others from U+0100 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in plain else chr(next(others)) for byte in range(256)]


def table(tokens, size):
    """Row: the token that follows; column: the one before; value: the logarithm of its weight."""
    index = {token: at for at, token in enumerate(tokens)}
    logits = numpy.full((size, size), -30.0)

    def follows(after, what, weight):
        columns = [index[token] for token in after]
        for token in what:
            logits[index[token], columns] = numpy.log(weight)

    words = ["Ġ" + word for word in WORDS]
    # What only a grammar asks for is improbable, white space more so, and a byte of a longer character is never begun.
    follows(tokens, tokens[: 128], 1e-4)
    follows(tokens, [tokens[byte] for byte in b" \n\t\r\\"], 1e-7)
    follows(tokens, words, 1.0)
    follows(tokens, SPECIAL[:1], 1e-3)
    # Now and then, and soon where a call is demanded, the text goes on as the call of a tool.
    follows(["Ċ"], TOOL[:1], len(words) / 10)
    follows(words, TOOL[:1], len(words) / 50)
    follows(tokens, TOOL[1:], 1e-4)
    follows(["}"], TOOL[1:], 1.0)
    # A text has about ten words. It ends with a quotation mark where a grammar opened one, else with the turn.
    follows(words, ['"'], len(words) / 10)
    follows(words, SPECIAL[:1], len(words) / 10)
    # A quotation mark opens a text or closes one, and only after a closing one a grammar takes what is no word.
    follows(['"'], [",", ":"], 1e-3)
    follows(['"'], ["]", "}"], 1e-3)
    # Lists have some elements, and numbers a digit or two.
    follows(["[", "{"], ['"', "{"], 1e-2)
    follows(["[", "{"], ["]", "}"], 1e-6)
    follows(["}", "]", "e"], [",", "]", "}"], 1e-2)
    follows("0123456789", [",", "]", "}"], 1e-2)
    follows("0123456789", [".", "e", "E"], 1e-6)
    return logits


def write(path):
    names = byte_names()
    tokens = names + ["Ġ" + word for word in WORDS] + SPECIAL + TOOL
    assert len(set(tokens)) == len(tokens), "a token stands twice"
    end = tokens.index(SPECIAL[0])
    kind = {**dict.fromkeys(SPECIAL, gguf.TokenType.CONTROL), **dict.fromkeys(TOOL, gguf.TokenType.USER_DEFINED)}
    kinds = [kind.get(token, gguf.TokenType.NORMAL) for token in tokens]
    size = -(-len(tokens) // 64) * 64
    tokens += [f"<|unused{at}|>" for at in range(size - len(tokens))]
    kinds += [gguf.TokenType.UNUSED] * (size - len(kinds))
    head, heads, inner = 64, size // 64, 32

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("follows")
    writer.add_context_length(1 << 16)
    writer.add_embedding_length(size)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(size)
    writer.add_rope_dimension_count(head)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    # Prompts are read byte by byte but for this one pair; a byte-pair vocabulary has to have some.
    writer.add_token_merges(["Ġ a"])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)

    def tensor(name, array):
        writer.add_tensor(name, numpy.ascontiguousarray(array, dtype=numpy.float32))

    def nothing(rows, columns):
        return numpy.zeros((rows, columns))

    tensor("token_embd.weight", numpy.eye(size))
    # The norm makes a unit vector `sqrt(size)` long.
    tensor("output_norm.weight", numpy.full(size, size**-0.5))
    tensor("output.weight", table(tokens, size))
    tensor("blk.0.attn_norm.weight", numpy.ones(size))
    tensor("blk.0.attn_q.weight", nothing(size, size))
    tensor("blk.0.attn_k.weight", nothing(head, size))
    tensor("blk.0.attn_v.weight", nothing(head, size))
    tensor("blk.0.attn_output.weight", nothing(size, size))
    tensor("blk.0.ffn_norm.weight", numpy.ones(size))
    tensor("blk.0.ffn_gate.weight", nothing(inner, size))
    tensor("blk.0.ffn_up.weight", nothing(inner, size))
    tensor("blk.0.ffn_down.weight", nothing(size, inner))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1])
