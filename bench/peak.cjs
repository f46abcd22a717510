/**
 * Preloaded into every Node process of a measured command (through NODE_OPTIONS, which npm passes on). Each process
 * writes its
 * peak resident memory when it exits. `maxRSS` alone is unsuitable, because it counts the parent's memory before exec.
 */
const { appendFileSync, readFileSync } = require("node:fs");

process.on("exit", () => {
  const target = process.env.BENCH_PEAKS;
  if (target === undefined) return;
  let kilobytes = process.resourceUsage().maxRSS;
  try {
    kilobytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
  } catch {
    // Without /proc, the kernel's own number is the fallback.
  }
  try {
    appendFileSync(target, `${JSON.stringify({ program: process.argv[1] ?? "", kilobytes })}\n`);
  } catch {
    // The local cloud outlives the measured command, whose peaks file no longer exists then.
  }
});
