/** `npm run engine`: gets the Pulumi engine once, so that nothing later waits for it, and prints where it is. */

import { ensureEngine } from "./ensureEngine";
import { failureOf } from "./failure";

ensureEngine((message) => process.stderr.write(`${message}\n`)).then(
  ({ command }) => process.stdout.write(`${command}\n`),
  (error: unknown) => {
    const { message, exitCode } = failureOf(error);
    process.stderr.write(`${message}\n`);
    process.exitCode = exitCode;
  },
);
