/**
 * A browser's cookies for one address. A new value replaces the old one, and a cookie with a maximum age of 0 or less
 * is deleted.
 */
export class Cookies {
  private readonly values = new Map<string, string>();

  /** @param set values of the Set-Cookie headers */
  take(set: readonly string[]): void {
    for (const each of set) {
      const [pair = "", ...attributes] = each.split(";");
      const end = pair.indexOf("=");
      const name = pair.slice(0, end).trim();
      if (attributes.some((attribute) => /^\s*max-age=(0|-\d+)\s*$/i.test(attribute))) this.values.delete(name);
      else this.values.set(name, pair.slice(end + 1).trim());
    }
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  drop(name: string): void {
    this.values.delete(name);
  }

  /** Value of the Cookie header. */
  get header(): string {
    return [...this.values].map(([name, value]) => `${name}=${value}`).join("; ");
  }
}
