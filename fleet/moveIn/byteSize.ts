const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** Formats a number of bytes for people, such as `106.7 KiB`. @param bytes 0 or more */
export function sizeIn(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}
