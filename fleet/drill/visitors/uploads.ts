import { createHash, randomBytes } from "node:crypto";
import type { LangFlow } from "../langflow";
import type { Check } from "../report";
import { upload } from "./errands";
import type { Errand } from "./exchange";

/** Size of a file before base64 encoding, which adds a third. */
const FILE_BYTES = 192 * 1024;
/** Number of files that are read back concurrently. */
const READERS = 4;

/** A file whose upload LangFlow acknowledged. */
export interface Acknowledged {
  /** When the file was sent, in milliseconds since 1970. */
  readonly at: number;
  readonly id: string;
  /** Path in the store. */
  readonly path: string;
  readonly digest: string;
}

/** Files that visitors upload, each with different random contents. */
export class Uploads {
  readonly acknowledged: Acknowledged[] = [];

  /** @param side region from whose side the visitor comes, part of the file's name */
  next(side: string, apiKey: string): Errand {
    const at = Date.now();
    const contents = randomBytes(FILE_BYTES).toString("base64");
    const digest = digestOf(contents);
    return upload(apiKey, { name: `drill-visit-${side}-${at}.txt`, contents }, (file) => {
      this.acknowledged.push({ at, digest, ...file });
    });
  }
}

const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Checks that one region returns all acknowledged uploads, including those sent to other regions. */
export class ReadBack {
  private missing: readonly Acknowledged[];
  private said = "";

  constructor(
    private readonly region: string,
    private readonly langflow: LangFlow,
    private readonly uploads: readonly Acknowledged[],
  ) {
    this.missing = uploads;
  }

  /** Requests the files that were missing so far. @returns whether all files are available now */
  async look(): Promise<boolean> {
    const waiting = [...this.missing];
    const missing: Acknowledged[] = [];
    const reader = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift())
        if (!(await this.isWhole(next))) missing.push(next);
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    this.missing = missing;
    return missing.length === 0;
  }

  get check(): Check {
    const { missing, uploads, region } = this;
    const found = `${uploads.length - missing.length} of ${uploads.length}`;
    return {
      name: `every acknowledged upload can be read from ${region}`,
      passed: missing.length === 0,
      said:
        missing.length === 0
          ? found
          : `${found}; the first one that cannot, uploaded at ${timeOf(missing)}: ${this.said}`,
    };
  }

  private async isWhole({ id, digest }: Acknowledged): Promise<boolean> {
    try {
      if (digestOf(await this.langflow.download(id)) === digest) return true;
      this.said = "its content differs from the upload";
    } catch (error) {
      this.said = (error as Error).message;
    }
    return false;
  }
}

const timeOf = (missing: readonly Acknowledged[]): string =>
  new Date(Math.min(...missing.map(({ at }) => at))).toISOString();
