import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { installerWith } from "../fleet/local/installer";
import { onPath } from "../sandbox/live/tools/debianProgram";
import { fillOnce, isWhole } from "../sandbox/live/tools/fillOnce";

/** Unpacks Debian's package and its missing dependencies. A new machine first needs `apt-get update`. */
const UNPACK = `mkdir -p "$1" && cd "$1"
wanted() { apt-get --simulate --no-install-recommends install chromium | awk '/^Inst/ { print $2 }'; }
names=$(wanted) || { apt-get update && names=$(wanted); }
apt-get download $names && for package in *.deb; do dpkg-deb -x "$package" . && rm "$package"; done`;

/**
 * Folders of libraries that the system does not search. PulseAudio keeps some of its libraries in a folder of its own.
 */
const LIBRARIES = ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio"];

/**
 * Starts a headless Chromium: the one on PATH, or one from Debian's package. The first call unpacks that package into
 * the cache (a minute, 400 MB) without installing it.
 */
export async function launchChromium(): Promise<Browser> {
  const installer = installerWith((message) => process.stderr.write(`${message}\n`), new AbortController().signal);
  const found = await onPath(installer, ["chromium", "google-chrome"]);
  const folder = join(installer.cache, "debian-chromium");
  if (found === undefined && !isWhole(folder))
    await installer.exclusively(() => fillOnce(folder, () => installer.run("sh", ["-euc", UNPACK, "sh", folder])));
  return chromium.launch({
    executablePath: found ?? join(folder, "usr/lib/chromium/chromium"),
    // The sandbox needs privileges that containers do not have. This browser opens only our own pages.
    chromiumSandbox: false,
    env: {
      ...process.env,
      ...(found === undefined && { LD_LIBRARY_PATH: LIBRARIES.map((each) => join(folder, each)).join(":") }),
    },
  });
}
