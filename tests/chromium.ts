import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { installerWith } from "../fleet/local/installer";
import { onPath } from "../sandbox/live/tools/debianProgram";
import { fillOnce, isWhole } from "../sandbox/live/tools/fillOnce";

/** What Debian's package needs and this machine has not, with it; a new machine has no list of packages yet. */
const UNPACK = `mkdir -p "$1" && cd "$1"
wanted() { apt-get --simulate --no-install-recommends install chromium | awk '/^Inst/ { print $2 }'; }
names=$(wanted) || { apt-get update && names=$(wanted); }
apt-get download $names && for package in *.deb; do dpkg-deb -x "$package" . && rm "$package"; done`;

/** Libraries that are nowhere the system looks for them; PulseAudio keeps a part of its own in a folder of its own. */
const LIBRARIES = ["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/pulseaudio"];

/**
 * A Chromium without a window: the one on PATH, else out of Debian's package, which is unpacked into the cache the first time
 * (a minute, 400 MB) and installed nowhere.
 */
export async function launchChromium(): Promise<Browser> {
  const installer = installerWith((message) => process.stderr.write(`${message}\n`), new AbortController().signal);
  const found = await onPath(installer, ["chromium", "google-chrome"]);
  const folder = join(installer.cache, "debian-chromium");
  if (found === undefined && !isWhole(folder))
    await installer.exclusively(() => fillOnce(folder, () => installer.run("sh", ["-euc", UNPACK, "sh", folder])));
  return chromium.launch({
    executablePath: found ?? join(folder, "usr/lib/chromium/chromium"),
    // Its sandbox needs rights that containers do not have; it sees pages of ours alone.
    chromiumSandbox: false,
    env: {
      ...process.env,
      ...(found === undefined && { LD_LIBRARY_PATH: LIBRARIES.map((each) => join(folder, each)).join(":") }),
    },
  });
}
