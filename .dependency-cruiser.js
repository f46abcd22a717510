/** Folders in their order: each imports only itself and those before it. A new folder takes its place here. */
const ORDER = {
  fleet: [
    "cli",
    "terminal",
    "engine",
    "stacks",
    "recovery",
    "local",
    "rollout",
    "github",
    "page",
    "markdown",
    "checks",
    "image",
    "rehearsal",
    "drill",
    "moveIn",
    "prove",
    "ready",
    "doctor",
    "init",
    "upgrade",
    "verbs",
    "reference",
  ],
  sandbox: ["resources", "schema", "providers", "cloud", "api", "live"],
};

const inOrder = Object.entries(ORDER).flatMap(([root, folders]) =>
  folders.map((folder, index) => ({
    name: `${root}-${folder}-in-order`,
    comment: "It imports a folder that comes after it, in `ORDER` of .dependency-cruiser.js, or is not in it.",
    severity: "error",
    from: { path: `^${root}/${folder}/` },
    to: { path: `^${root}/[^/]+/`, pathNot: `^${root}/(${folders.slice(0, index + 1).join("|")})/` },
  })),
);

/** The layers: the program knows nothing of the tools around it, and nothing goes in circles. */
module.exports = {
  forbidden: [
    ...inOrder,
    {
      name: "no-cycles-of-folders",
      comment: "Folders of any depth: `ORDER` does not hold those within a folder, nor those of the agent.",
      severity: "error",
      scope: "folder",
      from: { path: "^(agent|fleet|sandbox)/" },
      to: { circular: true },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { pathNot: "^fleet/verbs/" } },
    },
    {
      name: "no-cycles-of-verbs",
      comment:
        "A verb's file loads its handler, which knows the verb's options: by their type, which is gone at runtime.",
      severity: "error",
      from: { path: "^fleet/verbs/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "runs-without-development",
      comment: "CI's jobs install what production needs alone (npm ci --omit=dev).",
      severity: "error",
      from: {
        path: "^(index\\.ts|components|stacks|config|model|observability|agent|fleet|sandbox|invariants|plugin)",
        pathNot: "^(sandbox/schema/(declarations|generate|scan)\\.ts|invariants/pack/)",
      },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "program-apart",
      comment: "What the official CLI loads must not need the fleet CLI, the local fleet, or the invariants.",
      severity: "error",
      from: { path: "^(index\\.ts|components|stacks|config|model|observability)" },
      to: { path: "^(fleet|sandbox|invariants|tests|bench|costs|plugin|release)/" },
    },
    {
      name: "model-is-pure",
      comment: "Rules and arithmetic depend on nothing above them.",
      severity: "error",
      from: { path: "^model/" },
      to: { path: "^(components|stacks|config|observability)/" },
    },
    {
      name: "sandbox-apart",
      comment: "A stand-in that knew the program could be what makes it work.",
      severity: "error",
      from: { path: "^sandbox/" },
      to: { path: "^(index\\.ts|components|stacks|config|observability|fleet|invariants)" },
    },
    {
      name: "agent-apart",
      comment: "The agent is a program of its own image: it must not grow by what the rest of the repository needs.",
      severity: "error",
      from: { path: "^agent/" },
      to: { pathNot: "^(agent/|node_modules/|[a-z0-9:/_]+$)" },
    },
    {
      name: "program-without-agent",
      severity: "error",
      from: {
        path: "^(index\\.ts|components|stacks|config|model|observability|fleet|sandbox|invariants)",
        pathNot: "^fleet/(moveIn|ready|rehearsal|upgrade)/",
      },
      to: { path: "^agent/" },
    },
    {
      name: "moving-in-by-the-agents-rules",
      comment:
        "What moves in is judged by the rules that will carry it, and comes by them; of the agent's loops and writes it knows nothing.",
      severity: "error",
      from: { path: "^fleet/moveIn/" },
      to: {
        path: "^agent/",
        pathNot:
          "^agent/(process/errors\\.ts|flows/|moveIn/|postgres/(connection|largeValue)\\.ts|rekey/(ciphertext|secretKey)\\.ts|langflow/storeSchema\\.ts|accounts/(tables|tableRule|rowCondition|capture|catalog)\\.ts)",
      },
    },
    {
      name: "readiness-by-the-agents-formats",
      comment: "What the agent wrote is read as the agent reads it; of what it does nothing is known.",
      severity: "error",
      from: { path: "^fleet/ready/" },
      to: {
        path: "^agent/",
        pathNot: "^agent/(process/errors\\.ts|backup/(layout|manifest)\\.ts|drills/summary\\.ts)",
      },
    },
    {
      name: "rehearsals-by-the-agents-rules",
      comment:
        "Flows are copied, and a backup restored and adopted, as the agent does it; of its loops nothing is known.",
      severity: "error",
      from: { path: "^fleet/(rehearsal|upgrade)/" },
      to: {
        path: "^agent/",
        pathNot:
          "^agent/(process/errors\\.ts|flows/|moveIn/(names|throttle)\\.ts|postgres/connection\\.ts|langflow/storeSchema\\.ts|accounts/(catalog|schemaCheck|tables)\\.ts|adopt/adopt\\.ts|backup/(bucket|manifest|newest|rehearse)\\.ts)",
      },
    },
    {
      name: "subjects-apart",
      comment: "What moving in and upgrading share is a room of its own.",
      severity: "error",
      from: { path: "^fleet/(rehearsal|upgrade)/" },
      to: { path: "^fleet/moveIn/" },
    },
    {
      name: "tests-are-leaves",
      severity: "error",
      from: { pathNot: "^tests/" },
      to: { path: "^tests/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(out|coverage|\\.fleet)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
  },
};
