import * as pulumi from "@pulumi/pulumi";
import { PROJECT } from "../model/names";
import { parseConfig, type StackConfig } from "./parse";

/**
 * Reads and validates the config of the running stack.
 *
 * @throws pulumi.RunError with every problem in one message, shown without a stack trace
 */
export function readConfig(stack: string): StackConfig {
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(pulumi.runtime.allConfig()))
    if (key.startsWith(`${PROJECT}:`)) values[key.slice(PROJECT.length + 1)] = value;
  const parsed = parseConfig(stack, values);
  if ("problems" in parsed)
    throw new pulumi.RunError([`The config of stack ${stack} is invalid:`, ...parsed.problems].join("\n  "));
  return parsed.config;
}
