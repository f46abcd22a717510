import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Fastify, { type FastifyInstance } from "fastify";

/** Contents and behaviour of one region's ECR. */
interface Region {
  readonly repositories: Map<string, Set<string>>;
  /** Name of the error that every call returns. */
  error?: string;
  /** Number of image lookups that fail with "not found" before the image appears. */
  late: number;
}

/**
 * A fake cosign with the messages and exit codes of version 3.0.6. It stores signatures as files and logs its
 * arguments.
 */
const COSIGN = `#!/bin/sh
echo "$*" >>"$FAKE_COSIGN/calls"
if [ -f "$FAKE_COSIGN/fails" ]; then cat "$FAKE_COSIGN/fails" >&2; exit 1; fi
for reference; do :; done
signature=$FAKE_COSIGN/$(echo "$reference" | tr '/:@' '___')
if [ "$1" = sign ]; then echo "$FAKE_SIGNER" >"$signature"; exit 0; fi
if [ ! -f "$signature" ]; then
  printf 'Error: no signatures found\\nerror during command execution: no signatures found\\n' >&2; exit 10
fi
if [ "$(cat "$signature")" != "$4" ]; then
  echo "Error: no matching attestations: none of the expected identities matched what was in the certificate" >&2; exit 1
fi
`;

const ACCOUNT = "123456789012";

/** The ECR of every region behind one address, and a cosign on PATH. Verbs run with its `environment`. */
export class FakeRegistries {
  readonly regions = new Map<string, Region>();
  readonly folder = mkdtempSync(join(tmpdir(), "cosign-"));
  private readonly server: FastifyInstance = Fastify();

  async start(): Promise<void> {
    writeFileSync(join(this.folder, "cosign"), COSIGN);
    chmodSync(join(this.folder, "cosign"), 0o755);
    this.server.addContentTypeParser("application/x-amz-json-1.1", { parseAs: "string" }, (_, body, done) =>
      done(null, JSON.parse(String(body))),
    );
    this.server.post<{
      Body: { repositoryNames?: string[]; repositoryName?: string; imageIds?: { imageDigest: string }[] };
    }>("/", async ({ headers, body }, reply) => {
      const awsRegion = /Credential=[^/]+\/\d+\/([^/]+)\/ecr/.exec(headers.authorization ?? "")?.[1] ?? "";
      const { repositories, error, late } = this.region(awsRegion);
      const refuse = (name: string, status = 400) => reply.code(status).send({ __type: name, message: `${name}!` });
      if (error) return refuse(error);
      const name = body.repositoryNames?.[0] ?? body.repositoryName ?? "";
      const held = repositories.get(name);
      if (!held) return refuse("RepositoryNotFoundException");
      if (String(headers["x-amz-target"]).endsWith(".DescribeRepositories"))
        return { repositories: [{ repositoryUri: `${hostOf(awsRegion)}/${name}` }] };
      if (late > 0) this.region(awsRegion).late--;
      const exists = late === 0 && held.has(body.imageIds?.[0]?.imageDigest ?? "");
      return exists ? { imageDetails: [{}] } : refuse("ImageNotFoundException");
    });
    await this.server.listen({ host: "127.0.0.1", port: 0 });
  }

  async stop(): Promise<void> {
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }

  /** Deletes all images and recorded calls. */
  reset(): void {
    this.regions.clear();
    for (const file of ["calls", "fails"]) rmSync(join(this.folder, file), { force: true });
  }

  region(awsRegion: string): Region {
    const known = this.regions.get(awsRegion) ?? { repositories: new Map(), late: 0 };
    this.regions.set(awsRegion, known);
    return known;
  }

  push(awsRegion: string, repository: string, digest: string): void {
    const { repositories } = this.region(awsRegion);
    repositories.set(repository, (repositories.get(repository) ?? new Set()).add(digest));
  }

  sign(awsRegion: string, repository: string, digest: string, signer: string): void {
    const reference = `${hostOf(awsRegion)}/${repository}@${digest}`;
    writeFileSync(join(this.folder, reference.replace(/[/:@]/g, "_")), `${signer}\n`);
  }

  /** Makes every cosign call fail with this message. */
  failCosign(said: string): void {
    writeFileSync(join(this.folder, "fails"), said);
  }

  get cosignCalls(): string[] {
    const file = join(this.folder, "calls");
    return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  }

  environment(signer: string): NodeJS.ProcessEnv {
    return {
      PATH: `${this.folder}:${process.env.PATH}`,
      FAKE_COSIGN: this.folder,
      FAKE_SIGNER: signer,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(this.server.server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY: "never-shown",
      AWS_MAX_ATTEMPTS: "1",
    };
  }
}

export const hostOf = (awsRegion: string): string => `${ACCOUNT}.dkr.ecr.${awsRegion}.amazonaws.com`;
