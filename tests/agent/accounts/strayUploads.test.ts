import type { ClientBase } from "pg";
import { StrayUploads } from "../../../agent/accounts/strayUploads";
import { BucketError } from "../../../agent/s3/s3Request";

const OWNER = "00000000-0000-4000-8000-000000000000";
const GONE = "11111111-1111-4111-8111-111111111111";
const idOf = (index: number) => `${index}`.padStart(8, "0") + OWNER.slice(8);

/** Creates uploads below an id that no user has, and a bucket that has some of their objects. */
function strays(count: number, copy: (from: string) => boolean) {
  const paths = new Map([...Array(count).keys()].map((index) => [idOf(index), `${GONE}/report ${index}.pdf`]));
  const asked: string[] = [];
  const query = async (text: string, [id = "", path = "", home = ""]: string[] = []) => {
    if (text.startsWith("UPDATE")) paths.set(id, paths.get(id) === path ? home : path);
    const rows = [...paths].filter((each) => each[1].startsWith(GONE));
    return { rows: rows.map(([each, at]) => ({ id: each, owner: OWNER, path: at })) };
  };
  const uploads = new StrayUploads(
    {
      copy: async (from) => {
        asked.push(from);
        return copy(from);
      },
    },
    "files",
  );
  const round = (written = false) => uploads.bringHome((work) => work({ query } as unknown as ClientBase), written);
  return { paths, asked, round };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

it("the agent copies uploads from a former owner's folder to the owner's under unique names, and searches again only after a table changed", async () => {
  const { paths, asked, round } = strays(1, () => true);
  expect(await round()).toEqual([]);
  expect([...paths.values()]).toEqual([`${OWNER}/00000000-report 0.pdf`]);
  expect(asked).toEqual([`files/${GONE}/report 0.pdf`]);
  await round();
  paths.set(idOf(1), `${GONE}/later.pdf`);
  await round();
  expect(asked).toHaveLength(1);
  await round(true);
  expect(paths.get(idOf(1))).toBe(`${OWNER}/00000001-later.pdf`);
});

it("uploads whose objects are missing delay no other uploads, and the agent retries them with backoff", async () => {
  const { paths, asked, round } = strays(250, (from) => !/report (\d|\d\d|1[0-4]\d)\.pdf$/.test(from));
  for (let rounds = 0; rounds < 3; rounds++) await round(true);
  expect([...paths.values()].filter((path) => path.startsWith(OWNER))).toHaveLength(100);
  expect(asked).toHaveLength(250);
  const waiting = await round(true);
  expect(waiting).toHaveLength(150);
  expect(waiting[0]).toEqual({ table: "file", id: idOf(0), reason: "its object is not in the bucket yet" });
  expect(asked).toHaveLength(250);
  jest.advanceTimersByTime(3_600_000);
  for (let rounds = 0; rounds < 1_800; rounds++) {
    await round(true);
    jest.advanceTimersByTime(2_000);
  }
  // One hour of rounds: at once, then after 10, 20, 40 seconds and so on, up to 600 seconds.
  expect((asked.length - 250) / 150).toBeLessThan(13);
});

it("an unreachable bucket fails the round, but a rejected copy is reported only for its upload", async () => {
  const answers = [new BucketError("the bucket does not answer", 0), new BucketError("the bucket refused", 403)];
  for (const error of answers) {
    const { round } = strays(1, () => {
      throw error;
    });
    if (error.status === 0) await expect(round()).rejects.toThrow(error);
    else expect(await round()).toEqual([{ table: "file", id: idOf(0), reason: "the bucket refused" }]);
  }
});
