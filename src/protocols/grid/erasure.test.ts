/** The erasure code against its definition by matrices, against the rows that the reference gives, and turned round. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seededRandom } from "../../kernel/random.ts";
import { plainErasureCode } from "./erasure.ts";
import { GridError } from "./errors.ts";
import { divide, interpolation, multiply, power } from "./gf256.ts";

type Matrix = number[][];

const count = (length: number) => Array.from({ length }, (_, index) => index);
const unit = (k: number) => count(k).map((row) => Uint8Array.from(count(k), (column) => (row === column ? 1 : 0)));

/** The encoding matrix: blocks that are the columns of the identity give shares that are its rows. */
const encodingMatrix = (k: number, n: number) =>
  plainErasureCode(k, n)
    .encode(unit(k))
    .map((row) => [...row]);

/** x times y, bit by bit: shift, and take the polynomial away. */
function slowProduct(x: number, y: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ (product & 0x80 ? 0x11d : 0);
    if ((y >> bit) & 1) product ^= x;
  }
  return product;
}

/** By elimination. */
function inverse(matrix: Matrix): Matrix {
  const size = matrix.length;
  const work = matrix.map((row, index) => [...row, ...count(size).map((column) => (column === index ? 1 : 0))]);
  for (const column of count(size)) {
    const pivot = work.findIndex((row, index) => index >= column && row[column] !== 0);
    [work[column], work[pivot]] = [work[pivot]!, work[column]!];
    work[column] = work[column].map((entry) => divide(entry, work[column]![column]!));
    for (const [index, row] of work.entries()) {
      const factor = row[column]!;
      if (index === column || factor === 0) continue;
      work[index] = row.map((entry, at) => entry ^ multiply(factor, work[column]![at]!));
    }
  }
  return work.map((row) => row.slice(size));
}

const product = (left: Matrix, right: Matrix): Matrix =>
  left.map((row) =>
    count(right[0]!.length).map((column) =>
      row.reduce((sum, entry, index) => sum ^ multiply(entry, right[index]![column]!), 0),
    ),
  );

/** A random code, blocks for it, and k of its share numbers in random order. */
const cases = fc
  .tuple(
    fc.integer({ min: 1, max: 256 }),
    fc.integer({ min: 1, max: 256 }),
    fc.integer(),
    fc.integer({ min: 0, max: 70 }),
  )
  .map(([a, b, seed, length]) => {
    const [k, n] = [Math.min(a, b), Math.max(a, b)];
    const random = seededRandom(seed);
    const order = count(n)
      .map((number) => ({ number, key: random.float() }))
      .toSorted((x, y) => x.key - y.key);
    const numbers = order.slice(0, k).map(({ number }) => number);
    return { k, n, numbers, blocks: count(k).map(() => random.bytes(length)) };
  });

test("multiplication is the product of polynomials, and division undoes it", () => {
  for (const x of count(256)) {
    for (const y of count(256)) {
      assert.equal(multiply(x, y), slowProduct(x, y));
      if (y !== 0) assert.equal(divide(multiply(x, y), y), x);
    }
  }
  assert.deepEqual([power(0), power(1), power(8), power(254)], [1, 2, 0x1d, 0x8e]);
  assert.throws(() => divide(1, 0), RangeError);
});

test("interpolation gives the values of a polynomial elsewhere", () => {
  const at = (x: number) => 7 ^ multiply(9, x) ^ multiply(200, multiply(x, x));
  const [row] = interpolation([3, 0, 250], [77]);
  const sum = [3, 0, 250].reduce((value, point, index) => value ^ multiply(row![index]!, at(point)), 0);
  assert.equal(sum, at(77));
});

test("3 of 10 has the rows of the reference", () => {
  assert.deepEqual(encodingMatrix(3, 10), [
    ...[
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ],
    ...[
      [15, 8, 6],
      [45, 48, 28],
      [153, 224, 120],
      [11, 231, 237],
      [137, 59, 179],
      [70, 241, 182],
      [186, 217, 98],
    ],
  ]);
});

for (const [k, n] of [
  [1, 1],
  [1, 2],
  [3, 4],
  [3, 10],
  [5, 20],
  [16, 64],
  [25, 100],
  [71, 255],
  [256, 256],
] as const) {
  test(`${k} of ${n}: the matrix is the Vandermonde matrix times the inverse of its top`, () => {
    const vandermonde = count(n).map((i) =>
      count(k).map((j) => (i === 0 ? Number(j === 0) : power(((i - 1) * j) % 255))),
    );
    const expected = product(vandermonde, inverse(vandermonde.slice(0, k)));
    const found = encodingMatrix(k, n);
    // Row by row: to say how whole matrices differ takes half a minute.
    for (const row of count(n)) assert.deepEqual(found[row], expected[row], `row ${row}`);
  });
}

test("any k shares, in any order, give the blocks back", () => {
  fc.assert(
    fc.property(cases, ({ k, n, numbers, blocks }) => {
      const code = plainErasureCode(k, n);
      const wanted = code.encode(blocks, numbers);
      const all = code.encode(blocks);
      assert.equal(all.length, n);
      assert.deepEqual(
        wanted,
        numbers.map((number) => all[number]),
      );
      const shares = numbers.map((number, index) => ({ number, bytes: wanted[index]! }));
      assert.deepEqual(code.decode(shares), blocks);
      const others = shares.toReversed();
      assert.deepEqual(code.decode(others), blocks);
    }),
    { numRuns: 60 },
  );
});

test("one code decodes now these shares and now those", () => {
  const code = plainErasureCode(2, 5);
  const blocks = [Uint8Array.of(1, 2), Uint8Array.of(3, 4)];
  const shares = code.encode(blocks).map((bytes, number) => ({ number, bytes }));
  for (const numbers of [
    [3, 4],
    [4, 3],
    [3, 4],
    [2, 1],
    [0, 4],
    [1, 0],
  ]) {
    assert.deepEqual(code.decode(numbers.map((number) => shares[number]!)), blocks);
  }
});

test("a changed byte in a share changes that byte of the blocks, and no other", () => {
  const code = plainErasureCode(3, 6);
  const blocks = count(3).map((block) => Uint8Array.of(block, 100, 200));
  const shares = code.encode(blocks, [3, 4, 5]).map((bytes, index) => ({ number: 3 + index, bytes }));
  shares[1]!.bytes[1]! ^= 1;
  const wrong = code.decode(shares);
  for (const [index, block] of wrong.entries()) {
    assert.notEqual(block[1], 100);
    assert.deepEqual([block[0], block[2]], [index, 200]);
  }
});

test("shares below k are the blocks themselves, and others go to the room that is given", () => {
  const code = plainErasureCode(2, 4);
  const blocks = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)];
  const room = [Uint8Array.of(9, 9, 9), Uint8Array.of(9, 9, 9)];
  const expected = code.encode(blocks).slice(2);
  const shares = code.encode(blocks, [3, 0, 2], room);
  assert.ok(shares[0] === room[0] && shares[1] === blocks[0] && shares[2] === room[1]);
  assert.deepEqual(room, expected.toReversed());
  const short = [Uint8Array.of(9, 9, 9)];
  assert.deepEqual(code.encode(blocks, [2, 3], short), expected);
  assert.deepEqual(code.encode(blocks, []), []);
});

test("what does not fit is refused with its reason", () => {
  const code = plainErasureCode(2, 4);
  const block = (length: number) => new Uint8Array(length);
  const share = (number: number, length = 1) => ({ number, bytes: block(length) });
  const refused: [() => unknown, RegExp][] = [
    [() => plainErasureCode(0, 4), /1 <= k <= n <= 256, not k = 0, n = 4/],
    [() => plainErasureCode(5, 4), /not k = 5, n = 4/],
    [() => plainErasureCode(2, 257), /not k = 2, n = 257/],
    [() => plainErasureCode(1.5, 4), /not k = 1.5/],
    [() => plainErasureCode(2, Number.NaN), /n = NaN/],
    [() => code.encode([block(1)]), /needs 2 blocks, not 1/],
    [() => code.encode([block(1), block(1), block(1)]), /needs 2 blocks, not 3/],
    [() => code.encode([block(1), block(2)]), /unequal length: 1 and 2 bytes/],
    [() => code.encode([block(1), block(1)], [4]), /share number 4 is not in 0 to 3/],
    [() => code.encode([block(1), block(1)], [-1]), /share number -1/],
    [() => code.encode([block(1), block(1)], [3, 3]), /share number 3 occurs twice/],
    [() => code.encode([block(1), block(1)], [3], [block(2)]), /unequal length: 1 and 2 bytes/],
    [() => code.decode([share(1)]), /needs 2 shares, not 1/],
    [() => code.decode([share(1), share(2), share(3)]), /needs 2 shares, not 3/],
    [() => code.decode([share(1), share(1)]), /share number 1 occurs twice/],
    [() => code.decode([share(1), share(4)]), /share number 4 is not in 0 to 3/],
    [() => code.decode([share(1), share(0.5)]), /share number 0.5/],
    [() => code.decode([share(1, 3), share(2, 4)]), /unequal length: 3 and 4 bytes/],
  ];
  for (const [attempt, reason] of refused) {
    assert.throws(attempt, (error) => {
      assert.ok(error instanceof GridError && error.code === "bad-parameters");
      assert.match(error.message, reason);
      return true;
    });
  }
});
