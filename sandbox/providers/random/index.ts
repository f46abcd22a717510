import { randomBytes, randomInt, randomUUID } from "node:crypto";
import { text } from "../../resources/values";
import randomSchema from "../../schema/random.json";
import type { PackageSchema, Problem } from "../../schema/schema";
import type { Behaviour, Situation } from "../shared/behaviour";
import type { Definition } from "../shared/provider";

const schema: PackageSchema = randomSchema;

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const DIGITS = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

const count = (value: unknown): number => (typeof value === "number" ? value : 0);

function pick(length: number, alphabet: string): string[] {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)] ?? "");
}

/**
 * Returns a random text of the requested length from the requested character classes, with at least the requested
 * number of each.
 */
function randomText({ inputs }: Situation): string {
  const kinds = [
    { on: inputs.lower, least: count(inputs.minLower), alphabet: LOWER },
    { on: inputs.upper, least: count(inputs.minUpper), alphabet: UPPER },
    { on: inputs.numeric ?? inputs.number, least: count(inputs.minNumeric), alphabet: DIGITS },
    { on: inputs.special, least: count(inputs.minSpecial), alphabet: text(inputs.overrideSpecial) ?? SPECIAL },
  ].filter(({ on }) => on !== false);
  const characters = kinds.flatMap(({ least, alphabet }) => pick(least, alphabet));
  const all = kinds.map(({ alphabet }) => alphabet).join("");
  characters.push(...pick(count(inputs.length) - characters.length, all));
  for (let last = characters.length - 1; last > 0; last--) {
    const other = randomInt(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? "", characters[last] ?? ""];
  }
  return characters.join("");
}

function* lengthProblems({ inputs }: Situation): Iterable<Problem> {
  const { length } = inputs;
  if (typeof length !== "number") return;
  const least = ["minLower", "minUpper", "minNumeric", "minSpecial"].reduce((sum, key) => sum + count(inputs[key]), 0);
  if (length < Math.max(1, least))
    yield { property: "length", reason: `length must be at least ${Math.max(1, least)}, got ${length}` };
  const off = ["lower", "upper", "numeric", "special"].every((kind) => inputs[kind] === false);
  if (off) yield { property: "lower", reason: "at least one kind of character must be allowed" };
}

const TEXT_DEFAULTS = {
  lower: true,
  upper: true,
  numeric: true,
  number: true,
  special: true,
  minLower: 0,
  minUpper: 0,
  minNumeric: 0,
  minSpecial: 0,
};

/** Behaviour by type. A value never changes; every change of the inputs replaces the resource. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  "random:index/randomPassword:RandomPassword": {
    immutable: true,
    defaults: TEXT_DEFAULTS,
    check: lengthProblems,
    id: () => randomUUID(),
    attributes: (situation) => ({
      result: randomText(situation),
      bcryptHash: `$2a$10$${pick(53, `./${UPPER}${LOWER}${DIGITS}`).join("")}`, // Only the format is real.
    }),
  },
  "random:index/randomString:RandomString": {
    immutable: true,
    defaults: TEXT_DEFAULTS,
    check: lengthProblems,
    id: () => randomUUID(),
    attributes: (situation) => ({ result: randomText(situation) }),
  },
  "random:index/randomBytes:RandomBytes": {
    immutable: true,
    check: lengthProblems,
    id: () => randomUUID(),
    attributes({ inputs }) {
      const bytes = randomBytes(count(inputs.length));
      return { base64: bytes.toString("base64"), hex: bytes.toString("hex") };
    },
  },
  "random:index/randomId:RandomId": {
    immutable: true,
    id: ({ inputs }) => randomBytes(count(inputs.byteLength)).toString("base64url"),
    attributes({ id, inputs }) {
      const bytes = Buffer.from(id, "base64url");
      const prefix = text(inputs.prefix) ?? "";
      const hex = bytes.toString("hex");
      return {
        b64Std: prefix + bytes.toString("base64"),
        b64Url: prefix + id,
        hex: prefix + hex,
        dec: prefix + BigInt(`0x${hex}`).toString(),
      };
    },
  },
};

const ORDINARY: Behaviour = { immutable: true, id: () => randomUUID() };

export const random: Definition = {
  name: "random",
  schema,
  rules: { listsAreSets: false },
  functions: {},
  replaces: [],
  schemaOf: (type) => schema.resources[type],
  behaviourOf: (type) => behaviours[type] ?? ORDINARY,
  scopeOf: () => ({ account: "", partition: "", region: "", cluster: "", defaultTags: {} }),
  address: () => "",
  providerReplaces: () => [],
};
