/**
 * `npm run engine`: installs the Pulumi engine in advance, so that later commands do not wait for it, and prints its
 * path.
 */

import { replaceFetchClient } from "../../model/fetchClient";
import { ensureEngine } from "./ensureEngine";
import { failureOf } from "./failure";

replaceFetchClient();
ensureEngine((message) => process.stderr.write(`${message}\n`)).then(
  ({ command }) => process.stdout.write(`${command}\n`),
  (error: unknown) => {
    const { message, exitCode } = failureOf(error);
    process.stderr.write(`${message}\n`);
    process.exitCode = exitCode;
  },
);
