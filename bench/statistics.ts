/**
 * Returns the marginal cost function, from the least-squares parabola through the points.
 *
 * @param points pairs of a count and its cost, with at least three different counts
 * @returns a function from n to the cost of the n-th item: cost of n minus cost of n - 1
 */
export function marginalCost(points: readonly (readonly [count: number, cost: number])[]): (n: number) => number {
  const sum = (term: (count: number, cost: number) => number) =>
    points.reduce((total, [count, cost]) => total + term(count, cost), 0);
  const power = (exponent: number) => sum((count) => count ** exponent);
  const moment = (exponent: number) => sum((count, cost) => cost * count ** exponent);
  const [, linear, square] = solve([
    [power(0), power(1), power(2), moment(0)],
    [power(1), power(2), power(3), moment(1)],
    [power(2), power(3), power(4), moment(2)],
  ]);
  return (n) => linear + square * (2 * n - 1);
}

type Row = [number, number, number, number];

/** Solves three equations in three unknowns by Cramer's rule. The last number of each row is the right-hand side. */
function solve([a, b, c]: [Row, Row, Row]): [number, number, number] {
  const determinant = (i: 0 | 1 | 2 | 3, j: 0 | 1 | 2 | 3, k: 0 | 1 | 2 | 3) =>
    a[i] * (b[j] * c[k] - b[k] * c[j]) - a[j] * (b[i] * c[k] - b[k] * c[i]) + a[k] * (b[i] * c[j] - b[j] * c[i]);
  const whole = determinant(0, 1, 2);
  return [determinant(3, 1, 2) / whole, determinant(0, 3, 2) / whole, determinant(0, 1, 3) / whole];
}
