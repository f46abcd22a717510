import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { renderedFolder } from "./rendered";

/** After the judges: the local fleet that was rendered goes. */
export default function removeRendering(): void {
  rmSync(dirname(renderedFolder()), { recursive: true, force: true });
}
