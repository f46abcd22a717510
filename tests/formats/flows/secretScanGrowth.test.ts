import { cpuUsage } from "node:process";
import { collectAfter } from "../../../agent/process/memory";
import type { Json } from "../../../formats/flows/canonicalJson";
import { exportedFlow } from "../../../formats/flows/flowFile";
import gitleaks from "../../../formats/flows/gitleaks.json";
import { findSecrets } from "../../../formats/flows/secretScan";
import { PREFIXES } from "../../../formats/flows/tokenFormats";
import { flowWith } from "./secretGraphs";

const KEYWORDS = [
  ...gitleaks.rules.flatMap(({ keywords }) => keywords),
  ...Object.values(PREFIXES).flatMap(([prefixes]) => prefixes.split(" ")),
];
/** Texts in which patterns start again and again, or never end. */
const UNITS = [
  ..." \n\"'`\\.-_=:{([<&@/?0aA".split(""),
  ...'\\" headers={ headers={"a":"b", curl api_key=a( name="api_key" https:// https://a:b mcp:// token=a|| auth( eyJ eyJ- eyJa.'.split(
    " ",
  ),
  "curl '",
  "curl -H 'a: b' ",
  "token=a or ",
  "password is ",
  'password: "',
  "authorization: bearer ",
  "-----BEGIN PRIVATE KEY-----\\n",
  "aA1.",
  "password, token, ",
  "| user | password |\n",
  "user,password\n",
  "insert into t (password, token) values (",
  'login("ada", ',
  "docker login -u ada -p ",
  "echo a | sudo ",
  '"name": "password" ',
  "password of the new server is ",
  "密码",
  "пароль ",
  "clave ",
  "https://hooks.acme.com/a/",
  '"a","b",',
  "kind: data:\n a: ",
];

/**
 * Returns the CPU time of a scan in microseconds: the minimum of several runs, because a run may include a garbage
 * collection.
 */
async function workOf(value: Json): Promise<number> {
  const file = exportedFlow(flowWith({ x: { value } }), { variables: new Set() });
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3; run++) {
    const before = cpuUsage();
    await findSecrets(file);
    least = Math.min(least, cpuUsage(before).user);
  }
  return least;
}

it("a secret scan yields to other work after each piece of a large flow, but not during a small flow", async () => {
  let times = 0;
  const scan = async (length: number) => {
    times = 0;
    const file = exportedFlow(flowWith({ x: { value: "word ".repeat(length / 5) } }), { variables: new Set() });
    await findSecrets(file, async () => {
      times += 1;
    });
    return times;
  };
  expect(await scan(100_000)).toBe(0);
  expect(await scan(2_000_000)).toBeGreaterThanOrEqual(8);
});

describe("the work of a secret scan", () => {
  it("is limited for every rule of gitleaks, because no rule contains an unlimited repetition", () => {
    const unlimited = gitleaks.rules.filter(({ regex }) => {
      const plain = regex.replace(/\\./g, "c").replace(/\[[^\]]*\]/g, "c");
      return /[*+]|\{\d+,\}/.test(plain);
    });
    expect(unlimited.map(({ id }) => id)).toEqual([]);
  });

  it.each([
    ["texts that make patterns restart", UNITS, 16_000],
    ["texts that consist of beginnings of tokens", KEYWORDS.map((keyword) => `${keyword}=`), 1_000],
  ])("grows in proportion to the size of %s", async (_, units, length) => {
    const texts = (times: number) =>
      units.map((unit) => unit.repeat(Math.ceil((length * times) / unit.length))).join("\n");
    await workOf(texts(0.2));
    const [short, long] = [await workOf(texts(1)), await workOf(texts(4))];
    // The text is four times as long. Quadratic work would take sixteen times as long.
    expect(long / short).toBeLessThan(10);
  });

  it("grows in proportion to the number of keys in an object", async () => {
    const work = (count: number) =>
      workOf(Object.fromEntries(Array.from({ length: count }, (_, at) => [`key ${at}`, "a text"])));
    await work(1_000);
    expect((await work(16_000)) / (await work(4_000))).toBeLessThan(10);
  });

  it("grows in proportion to the number of findings", async () => {
    const texts = (count: number) => Array.from({ length: count }, (_, at) => `password = "s3cr3t!${at}"`);
    const work = (count: number) => workOf(texts(count));
    const file = exportedFlow(flowWith({ x: { value: texts(500) } }), { variables: new Set() });
    expect(await findSecrets(file)).toHaveLength(500);
    expect((await work(16_000)) / (await work(4_000))).toBeLessThan(10);
  });
});

it("a secret scan keeps no scanned text in memory, whatever names of secrets the text contains", async () => {
  const LENGTH = 5_000_000;
  const scan = (number: number) => {
    const value = `a_name_of_number_${number}_password of `.padEnd(LENGTH, "words and ");
    return findSecrets(exportedFlow(flowWith({ x: { value } }), { variables: new Set() }));
  };
  const used = () => {
    collectAfter(LENGTH);
    return process.memoryUsage().heapUsed;
  };
  await scan(0);
  const before = used();
  for (let number = 1; number <= 5; number += 1) await scan(number);
  expect(used() - before).toBeLessThan(2 * LENGTH);
});
