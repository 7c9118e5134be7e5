"""Known answers, one JSON object a line, from the functions of the installed Tahoe-LAFS and zfec: calls only.

Run inside the installed system by make-vectors.ts. Bytes are hexadecimal; an input of n bytes is made by `fill`.
"""
import hashlib
import itertools
import json

import zfec
from allmydata import hashtree
from allmydata.util import base32, hashutil

INPUTS = {
    "val": 5, "tag": 3, "val1": 4, "val2": 6, "data": 100, "contents": 77, "privkey": 1217, "pubkey": 294,
    "my_secret": 32, "client_renewal_secret": 32, "client_cancel_secret": 32, "file_renewal_secret": 32,
    "file_cancel_secret": 32, "storage_index": 16, "key": 16, "peerid": 20, "writekey": 16, "readkey": 16,
    "IV": 16, "iv": 16, "convergence": 32, "peer_selection_index": 16, "server_permutation_seed": 32,
}

FUNCTIONS = {
    "tagged_hash": ["tag", "val"],
    "tagged_pair_hash": ["tag", "val1", "val2"],
    "hmac": ["tag", "data"],
    "storage_index_hash": ["key"],
    "block_hash": ["data"],
    "uri_extension_hash": ["data"],
    "plaintext_hash": ["data"],
    "plaintext_segment_hash": ["data"],
    "crypttext_hash": ["data"],
    "crypttext_segment_hash": ["data"],
    "my_renewal_secret_hash": ["my_secret"],
    "my_cancel_secret_hash": ["my_secret"],
    "file_renewal_secret_hash": ["client_renewal_secret", "storage_index"],
    "file_cancel_secret_hash": ["client_cancel_secret", "storage_index"],
    "bucket_renewal_secret_hash": ["file_renewal_secret", "peerid"],
    "bucket_cancel_secret_hash": ["file_cancel_secret", "peerid"],
    "ssk_writekey_hash": ["privkey"],
    "ssk_pubkey_fingerprint_hash": ["pubkey"],
    "ssk_readkey_hash": ["writekey"],
    "ssk_readkey_data_hash": ["IV", "readkey"],
    "ssk_storage_index_hash": ["readkey"],
    "ssk_write_enabler_master_hash": ["writekey"],
    "ssk_write_enabler_hash": ["writekey", "peerid"],
    "mutable_rwcap_salt_hash": ["writekey"],
    "mutable_rwcap_key_hash": ["iv", "writekey"],
    "backupdb_dirhash": ["contents"],
    "permute_server_hash": ["peer_selection_index", "server_permutation_seed"],
}


def fill(label, size):
    """The first `size` bytes of SHA-256(label:0), SHA-256(label:1), ..."""
    blocks = (hashlib.sha256(f"{label}:{i}".encode()).digest() for i in itertools.count())
    out = b""
    while len(out) < size:
        out += next(blocks)
    return out[:size]


def say(**fields):
    print(json.dumps(fields, separators=(",", ":")))


def hashes():
    for name, parameters in FUNCTIONS.items():
        for turn in range(3):
            given = {p: fill(f"{name}.{p}.{turn}", 0 if turn == 2 and p in ("data", "val") else INPUTS[p])
                     for p in parameters}
            out = getattr(hashutil, name)(*given.values())
            say(kind="hash", function=name, input={p: v.hex() for p, v in given.items()}, output=out.hex())
    for k, n, segsize, size in [(3, 10, 1048576, 0), (3, 10, 131073, 1), (1, 1, 1, 100), (101, 256, 4040, 1000)]:
        data, secret = fill(f"convergence.data.{size}", size), fill(f"convergence.secret.{size}", 32)
        out = hashutil.convergence_hash(k, n, segsize, data, secret)
        given = {"k": k, "n": n, "segsize": segsize, "data": data.hex(), "convergence": secret.hex()}
        say(kind="hash", function="convergence_hash", input=given, output=out.hex())


def trees():
    for count in [1, 2, 3, 4, 5, 10, 17]:
        leaves = [fill(f"leaf.{count}.{i}", 32) for i in range(count)]
        tree = hashtree.HashTree(leaves)
        chains = [sorted(tree.needed_hashes(i)) for i in range(count)]
        say(kind="tree", leaves=[leaf.hex() for leaf in leaves], nodes=[bytes(x).hex() for x in tree], chains=chains)


def codes():
    for k, n, size in [(1, 1, 5), (1, 4, 3), (2, 3, 7), (3, 10, 16), (3, 10, 1), (7, 10, 5), (10, 16, 9), (16, 64, 4),
                       (25, 100, 3), (71, 255, 2), (101, 256, 2), (128, 256, 1), (256, 256, 1)]:
        blocks = [fill(f"block.{k}.{n}.{i}", size) for i in range(k)]
        shares = zfec.Encoder(k, n).encode(blocks)
        say(kind="zfec", k=k, n=n, blocks=[b.hex() for b in blocks], shares=[bytes(s).hex() for s in shares])


def texts():
    for size in [0, 1, 2, 3, 4, 5, 16, 20, 32, 64]:
        data = fill(f"base32.{size}", size)
        say(kind="base32", data=data.hex(), text=base32.b2a(data).decode())


hashes()
trees()
codes()
texts()
