import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { renderedFolder } from "./rendered";

/** Deletes the rendered local fleet after the tests. */
export default function removeRendering(): void {
  rmSync(dirname(renderedFolder()), { recursive: true, force: true });
}
