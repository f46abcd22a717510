import { createHash } from "node:crypto";
import { AgentError, ExitCode } from "../../formats/agentErrors";

/**
 * Namespace of the ids. It must never change, because a different value would change every account's id in every fleet.
 */
const NAMESPACE = "6d1f3c52-8a0e-4b57-9c64-2f7be1a90d38";

/**
 * Returns the id that an account has in every region of a fleet: the version-5 UUID (RFC 9562) of
 * `<project>:<username>`, in lower case with hyphens.
 *
 * @param project the fleet's name, without a colon, so that different pairs never form the same text
 * @param username as LangFlow stores it, case-sensitive
 * @throws AgentError (BadInput) if either is empty or the project contains a colon
 */
export function fleetUserId(project: string, username: string): string {
  if (project === "" || project.includes(":"))
    throw new AgentError(`the project "${project}" must be a name without a colon`, ExitCode.BadInput);
  if (username === "") throw new AgentError("the superuser's name is empty", ExitCode.BadInput);
  return uuidOf(5, hashOf("sha1", `${project}:${username}`));
}

/**
 * Returns the id that an account's default project has in every region of a fleet: a version-8 UUID (RFC 9562) of the
 * account's id. Version 5 is avoided, because LangFlow 1.13 reserves it for runs of public flows. It rejects such ids
 * for flows, though not yet for projects.
 */
export const defaultProjectId = (userId: string): string => uuidOf(8, hashOf("sha256", `${userId}:default project`));

const hashOf = (algorithm: "sha1" | "sha256", name: string): Buffer =>
  createHash(algorithm)
    .update(Buffer.from(NAMESPACE.replaceAll("-", ""), "hex"))
    .update(name, "utf8")
    .digest();

function uuidOf(version: 5 | 8, hash: Buffer): string {
  const bytes = hash.subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | (version << 4), 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
