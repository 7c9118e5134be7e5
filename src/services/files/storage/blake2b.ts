/**
 * BLAKE2b with a digest of 32 bytes and without a key (RFC 7693), since Node has only the one of 64 bytes, whose
 * beginning is another value. Containers of version 2 keep lease secrets in this form. Inputs are 32 bytes long, so
 * that plain big integers are fast enough.
 */
const MASK = (1n << 64n) - 1n;
const BLOCK_BYTES = 128;
const ROUNDS = 12;
const DIGEST_BYTES = 32;
const IV = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];
/** The order of the message words in each round, a hexadecimal digit for each. */
const SIGMA = [
  "0123456789abcdef",
  "ea489fd61c02b753",
  "b8c052fdae367194",
  "7931dcbe265a40f8",
  "905724afe1bc683d",
  "2c6a0b834d75fe19",
  "c51fed4a0763928b",
  "db7ec13950f4862a",
  "6fe9b308c2d714a5",
  "a2847615fb9e3cd0",
].map((row) => [...row].map((digit) => Number.parseInt(digit, 16)));
/** Columns, then diagonals. */
const MIXES = ["048c", "159d", "26ae", "37bf", "05af", "16bc", "278d", "349e"].map((row) =>
  [...row].map((digit) => Number.parseInt(digit, 16)),
);

/** The digest of 32 bytes. */
export function blake2b256(bytes: Uint8Array): Uint8Array {
  const state = [...IV];
  state[0]! ^= 0x01010000n ^ BigInt(DIGEST_BYTES);
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES));
  for (let block = 0; block < blocks; block++) {
    const end = Math.min(bytes.length, (block + 1) * BLOCK_BYTES);
    const padded = new Uint8Array(BLOCK_BYTES);
    padded.set(bytes.subarray(block * BLOCK_BYTES, end));
    compress(state, new DataView(padded.buffer), BigInt(end), block === blocks - 1);
  }
  const digest = new DataView(new ArrayBuffer(DIGEST_BYTES));
  for (let word = 0; word < DIGEST_BYTES / 8; word++) digest.setBigUint64(word * 8, state[word]!, true);
  return new Uint8Array(digest.buffer);
}

function compress(state: bigint[], block: DataView, total: bigint, last: boolean): void {
  const message = Array.from({ length: 16 }, (_, word) => block.getBigUint64(word * 8, true));
  const v = [...state, ...IV];
  v[12]! ^= total;
  if (last) v[14]! ^= MASK;
  for (let round = 0; round < ROUNDS; round++) {
    const order = SIGMA[round % 10]!;
    MIXES.forEach((mix, at) => {
      const [a, b, c, d] = mix as [number, number, number, number];
      v[a] = (v[a]! + v[b]! + message[order[2 * at]!]!) & MASK;
      v[d] = rotate(v[d]! ^ v[a], 32n);
      v[c] = (v[c]! + v[d]) & MASK;
      v[b] = rotate(v[b]! ^ v[c], 24n);
      v[a] = (v[a] + v[b] + message[order[2 * at + 1]!]!) & MASK;
      v[d] = rotate(v[d] ^ v[a], 16n);
      v[c] = (v[c] + v[d]) & MASK;
      v[b] = rotate(v[b] ^ v[c], 63n);
    });
  }
  for (let word = 0; word < 8; word++) state[word]! ^= v[word]! ^ v[word + 8]!;
}

function rotate(word: bigint, bits: bigint): bigint {
  return ((word >> bits) | (word << (64n - bits))) & MASK;
}
