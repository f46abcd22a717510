/** Parses `500m`, `2` or `0.5` as CPU cores. */
export function cores(quantity: string): number {
  return quantity.endsWith("m") ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity);
}

/** Bytes per suffix of a Kubernetes quantity; `m` is a thousandth (Kubernetes API reference, Quantity). */
const BYTES: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** Parses `512Mi`, `2Gi` or `1500000000` as GiB. */
export function gibibytes(quantity: string): number {
  const [, number = "", suffix = ""] = /^([\d.]+)(\D*)$/.exec(quantity) ?? [];
  return (Number(number) * (BYTES[suffix] ?? 1)) / 1024 ** 3;
}
