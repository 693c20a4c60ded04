"""llama.cpp's server with one model on a free port of this machine, until standard input ends.

    llama.py chat|embeddings FILE.gguf NAME KEY

The first line that it prints is the address.
"""

import sys

import xllamacpp

what, path, name, key = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = path
params.model_alias = {name}
params.hostnames = ["127.0.0.1"]
params.port = 0
params.api_keys = [key]
params.n_ctx = 1 << 16
params.n_parallel = 2
params.n_gpu_layers = 0
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
params.n_threads_http = 8
params.use_jinja = True
params.warmup = False
# The words of the model are equally probable, so nothing is cut off.
params.sampling.top_k = 0
params.sampling.top_p = 1.0
params.sampling.min_p = 0.0
if what == "embeddings":
    params.embedding = True
    # One text at a time: of two in one batch, this version gives the first a vector of part of its tokens.
    params.n_parallel = 1
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
