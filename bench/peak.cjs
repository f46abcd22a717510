/**
 * Preloaded into every Node process below a measured command (NODE_OPTIONS, so npm passes it on): at its end each
 * process writes its greatest resident memory. `maxRSS` would not do: it counts the parent's memory before exec.
 */
const { appendFileSync, readFileSync } = require("node:fs");

process.on("exit", () => {
  const target = process.env.BENCH_PEAKS;
  if (target === undefined) return;
  let kilobytes = process.resourceUsage().maxRSS;
  try {
    kilobytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  } catch {
    // No /proc: the kernel's own number has to do.
  }
  try {
    appendFileSync(target, `${JSON.stringify({ program: process.argv[1] ?? "", kilobytes })}\n`);
  } catch {
    // The local cloud outlives the measured command, and with it the file.
  }
});
