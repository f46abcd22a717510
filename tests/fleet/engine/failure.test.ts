import type { EngineEvent } from "@pulumi/pulumi/automation";
import { Recording } from "../../../fleet/engine/changes";
import { failureOf } from "../../../fleet/engine/failure";
import { EngineFailed } from "../../../fleet/engine/processGroup";
import { isOrphanedLock } from "../../../fleet/recovery";
import { ExitCode, UserError } from "../../../model/errors";

const saying = (message: string): Recording => {
  const recording = new Recording();
  recording.onEvent({ diagnosticEvent: { severity: "error", message, color: "never" } } as EngineEvent);
  return recording;
};

describe("failureOf", () => {
  it.each([
    ["dial tcp 127.0.0.1:4000: connect: connection refused", ExitCode.Unreachable],
    ["lookup sts.us-east-1.amazonaws.com: no such host", ExitCode.Unreachable],
    ["net/http: TLS handshake timeout", ExitCode.Unreachable],
    ['Get "https://k.eks.amazonaws.com/api": EOF', ExitCode.Unreachable],
    ["dial tcp 10.0.0.1:443: connect: no route to host", ExitCode.Unreachable],
    ["context deadline exceeded", ExitCode.Unreachable],
    ["failed to read resource state due to unreachable cluster.", ExitCode.Unreachable],
    ["the value of EOF_MARKER is wrong", ExitCode.ResourceFailed],
    ["ExpiredToken: the security token included in the request is expired", ExitCode.Unauthenticated],
    ["resource x is protected", ExitCode.Refused],
    ["BucketAlreadyOwnedByYou: the bucket exists", ExitCode.ResourceFailed],
  ])("maps this message to its exit code: %s", (message, exitCode) => {
    expect(failureOf(new EngineFailed(255, "", ""), saying(message))).toEqual({ message, exitCode });
  });

  it("explains where to find the passphrase if a state's secrets need one", () => {
    const { message, exitCode } = failureOf(
      new EngineFailed(255, "", "get stack secrets manager: incorrect passphrase"),
    );
    expect(exitCode).toBe(ExitCode.Unauthenticated);
    expect(message).toMatch(/PULUMI_CONFIG_PASSPHRASE.*`passphrase`.*destroy --local --with-data/);
  });

  it.each([
    "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
    "NoCredentialProviders: no valid providers in chain. Deprecated.",
    "get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds",
    "No valid credential sources found. Please see the documentation",
  ])("distinguishes missing credentials from rejected ones, and suggests fixes: %s", (said) => {
    const { message, exitCode } = failureOf(new EngineFailed(255, "", said));
    expect(exitCode).toBe(ExitCode.Unauthenticated);
    expect(message).toMatch(/^no cloud credentials .*--local.*`pulumi login`.*docs\/deploy\.md/);
    expect(message).not.toContain("\n");
  });

  it("explains how to recover from a full disk, and names the file that was not written", () => {
    const said = "failed to save snapshot: write /fleet/foundation.json.1.tmp: no space left on device";
    const message = `the disk is full, so the state was not written: free some space, then run this again\n${said}`;
    expect(failureOf(new EngineFailed(255, "", ""), saying(said))).toEqual({
      message,
      exitCode: ExitCode.ResourceFailed,
    });
  });

  it("lists each protected resource on one line, in a stable order", () => {
    const urn = (name: string) => `urn:pulumi:foundation::langflow-dr::a:b:C$aws:kms/key:Key::${name}`;
    const protectedBy = (name: string) =>
      `Preview failed: resource "${urn(name)}" cannot be deleted\nbecause it is protected. To unprotect the resource, …`;
    const told = (...names: string[]) => {
      const recording = new Recording();
      for (const name of names)
        recording.onEvent({
          diagnosticEvent: { severity: "error", message: protectedBy(name), color: "never" },
        } as EngineEvent);
      return failureOf(new EngineFailed(255, "", ""), recording);
    };
    const line = (name: string) => `aws.kms.Key ${name} is protected and cannot be deleted (${urn(name)})`;
    expect(told("one", "two")).toEqual({ message: `${line("one")}\n${line("two")}`, exitCode: ExitCode.Refused });
    expect(told("two", "one")).toEqual(told("one", "two"));
  });

  it("reports an outage in one line, however many resources got no answer", () => {
    const recording = new Recording();
    for (const type of ["vpc", "eip", "subnet", "route", "flowLog"])
      recording.onEvent({
        diagnosticEvent: { severity: "error", message: `read ${type}: dial tcp: connection refused`, color: "never" },
      } as EngineEvent);
    expect(failureOf(new EngineFailed(255, "", ""), recording)).toEqual({
      message: "read eip: dial tcp: connection refused (and 4 more without an answer)",
      exitCode: ExitCode.Unreachable,
    });
  });

  it("removes the engine's advice to drop unreachable resources from the state", () => {
    const said = "Preview failed: failed to read resource state due to unreachable cluster.";
    for (const advice of [
      " If the cluster has been deleted, you can edit the pulumi state to remove this resource or retry with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to true.",
      ' If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"',
    ])
      expect(failureOf(new EngineFailed(255, "", ""), saying(said + advice))).toEqual({
        message: said,
        exitCode: ExitCode.Unreachable,
      });
  });

  it("keeps the engine's exit code if the output explains nothing", () => {
    expect(failureOf(new EngineFailed(3, "", "who are you?")).exitCode).toBe(ExitCode.Unauthenticated);
  });

  it("keeps the message and the exit code of a UserError", () => {
    const error = new UserError("mend it so", ExitCode.StackMissing);
    expect(failureOf(error, saying("noise"))).toEqual({ message: "mend it so", exitCode: ExitCode.StackMissing });
  });

  it("reports an interrupted run as cancelled, whatever the engine printed", () => {
    const failure = failureOf(new EngineFailed(255, "", ""), saying("update canceled"), AbortSignal.abort());
    expect(failure.exitCode).toBe(ExitCode.Cancelled);
  });

  it("reports unexpected errors with the generic exit code", () => {
    expect(failureOf(new TypeError("x is not a function")).exitCode).toBe(ExitCode.Failure);
  });
});

describe("isOrphanedLock", () => {
  const host = require("node:os").hostname();
  const lock = (owner: string, pid: number) =>
    `error: the stack is currently locked by 1 lock(s). Either wait\n  file:///s.json: created by user@${owner} (pid ${pid}) at 2026-01-01T00:00:00Z`;

  it("is true for a lock of a dead process on this machine", () => {
    expect(isOrphanedLock(lock(host, 4242), () => false)).toBe(true);
  });

  it("is false for a live process, for another machine and without a lock", () => {
    expect(isOrphanedLock(lock(host, process.pid))).toBe(false);
    expect(isOrphanedLock(lock("elsewhere", 4242), () => false)).toBe(false);
    expect(isOrphanedLock("something else failed", () => false)).toBe(false);
  });
});
