import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A fake `aws` for `prove`. Each operation's answer in a region is a file, and a missing file means AccessDenied. A
 * lost region does not answer.
 */
const AWS = `#!/bin/sh
if [ -f "$ANSWERS/$4/lost" ]; then
  echo "Could not connect to the endpoint URL: "https://$1.$4.amazonaws.com/"" >&2
  exit 255
fi
[ "$2" = update-kubeconfig ] && exit 0
answer="$ANSWERS/$4/$1 $2.json"
[ -f "$answer" ] && exec cat "$answer"
echo "An error occurred (AccessDeniedException) when calling the operation: not allowed to $1 $2" >&2
exit 254
`;

/**
 * A fake `kubectl` for `prove`. Files per region contain its objects by kind, admission results, rights and output of
 * commands in pods.
 */
const KUBECTL = `#!/bin/sh
region=$(basename "$2"); shift 2
said() { [ -f "$ANSWERS/$region/$1" ] && cat "$ANSWERS/$region/$1"; }
echo "$region $*" >>"$ANSWERS/calls"
if [ -f "$ANSWERS/$region/reader" ]; then
  case "$*" in get*-A*|*port-forward*) echo "Error from server (Forbidden): not allowed to a reader" >&2; exit 1;; esac
fi
if [ -f "$ANSWERS/$region/tunnelless" ]; then
  case "$*" in *port-forward*) cat "$ANSWERS/$region/tunnelless" >&2; exit 1;; esac
fi
case "$*" in
  get*) echo "{\\"items\\":"; said "$2.json" || echo "[]"; echo "}";;
  *dry-run=server*) cat >/dev/null; said refusal >&2 || exit 0; exit 1;;
  *subjectaccessreviews*)
    asked=$(cat); right=$(echo "$asked" | sed 's/.*"verb":"\\([a-z]*\\)".*"resource":"\\([a-z]*\\)".*/\\1 \\2/')
    grep -qx "$right" "$ANSWERS/$region/rights" && allowed=true || allowed=false
    echo "{\\"status\\":{\\"allowed\\":$allowed}}";;
  *eviction*) cat >/dev/null; echo '{}';;
  wait*) sleep 1;;
  *get_caller_identity*) said caller;;
  exec*) said reached;;
  *port-forward*) echo "Forwarding from 127.0.0.1:$(said port || echo "$PORT") -> 1"; exec sleep 600;;
esac
`;

/** A fake `cosign` that reports every image as signed unless the file `unsigned` exists. */
const COSIGN = `#!/bin/sh
[ -f "$ANSWERS/unsigned" ] || exit 0
echo "Error: no signatures found" >&2
exit 10
`;

/** Installs the fake tools in a folder for PATH, and sets their answers. */
export class FakeTools {
  readonly answers: string;

  constructor(readonly folder: string) {
    this.answers = join(folder, "answers");
    for (const [name, text] of [["aws", AWS] as const, ["kubectl", KUBECTL] as const, ["cosign", COSIGN] as const]) {
      mkdirSync(this.answers, { recursive: true });
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o755);
    }
  }

  /** Sets an answer. @param place AWS region for `aws`, or our region for `kubectl` */
  say(place: string, what: string, answer: unknown): void {
    mkdirSync(join(this.answers, place), { recursive: true });
    writeFileSync(join(this.answers, place, what), typeof answer === "string" ? answer : JSON.stringify(answer));
  }

  forget(place: string, what: string): void {
    rmSync(join(this.answers, place, what));
  }

  /** Deletes all answers. */
  clear(): void {
    rmSync(this.answers, { recursive: true, force: true });
    mkdirSync(this.answers);
  }
}
