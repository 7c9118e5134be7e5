/**
 * Arithmetic in the field with 256 elements, GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1 and the generator 2,
 * and interpolation in it: all that the erasure code (erasure.ts) calculates is one of these. Addition is XOR.
 */

/** Without x^8, which falls out of the byte. */
const POLYNOMIAL = 0x1d;
/** Elements that are not zero: powers of the generator repeat after so many. */
const ORDER = 255;

/** Powers of the generator, twice over, so that a sum of two logarithms needs no reduction. */
const POWERS = new Uint8Array(2 * ORDER);
const LOGARITHMS = new Uint8Array(256);
for (let exponent = 0, value = 1; exponent < ORDER; exponent += 1) {
  POWERS[exponent] = value;
  POWERS[exponent + ORDER] = value;
  LOGARITHMS[value] = exponent;
  value = ((value << 1) & 0xff) ^ (value & 0x80 ? POLYNOMIAL : 0);
}

/** The generator to the power of `exponent` (0 to 254). */
export function power(exponent: number): number {
  return POWERS[exponent]!;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : POWERS[LOGARITHMS[a]! + LOGARITHMS[b]!]!;
}

/** `b` must not be zero. */
export function divide(a: number, b: number): number {
  if (b === 0) throw new RangeError("division by zero in GF(256)");
  return a === 0 ? 0 : POWERS[LOGARITHMS[a]! + ORDER - LOGARITHMS[b]!]!;
}

let products: readonly Uint8Array[] | undefined;

/** For each factor the 256 products with it. 64 KiB, made when first asked for. */
export function productTables(): readonly Uint8Array[] {
  products ??= Array.from({ length: 256 }, (_, factor) =>
    Uint8Array.from({ length: 256 }, (_unused, value) => multiply(factor, value)),
  );
  return products;
}

/**
 * How to get the values of a polynomial at the points `to` from its values at the points `from`: row t, entry f is what
 * the value at `from[f]` is multiplied with; the products of a row add up to the value at `to[t]` (Lagrange). The
 * polynomial's degree must be below the number of `from`; the points of `from` are distinct, and none is in `to`. Takes
 * from × (from + to) steps, where inverting a matrix would take from³.
 */
export function interpolation(from: readonly number[], to: readonly number[]): Uint8Array[] {
  const denominators = from.map((point) =>
    from.reduce((product, other) => (other === point ? product : multiply(product, point ^ other)), 1),
  );
  return to.map((target) => {
    const all = from.reduce((product, point) => multiply(product, target ^ point), 1);
    return Uint8Array.from(from, (point, f) => divide(all, multiply(denominators[f]!, target ^ point)));
  });
}
